<?php
/* PHP's own SoapServer on the contract's DeliverForm: confirms, keeps nothing. usage: WSDL=… php -S 127.0.0.1:PORT php_soap.php */
declare(strict_types=1);

final class Stub
{
    private ?object $header = null;

    public function messageHeader(object $header): void
    {
        $this->header = $header;
    }

    public function Security(object $security): void
    {
    }

    public function DeliverForm(object $request): array
    {
        return ['receipt' => [
            'caseNumber' => $this->header->caseNumber,
            'formMessageId' => $this->header->messageId,
            'formType' => $this->header->formType,
            'outcome' => 'confirmed',
            'decidedAt' => date(DATE_ATOM),
        ]];
    }
}

$server = new SoapServer(getenv('WSDL'), ['cache_wsdl' => WSDL_CACHE_BOTH, 'soap_version' => SOAP_1_1]);
$server->setObject(new Stub());
$server->handle();
