<?php
/**
 * 送出示例城管平台的表单和回执,直到被停止。
 * Sends what the example urban platform has to send, forms and receipts, until it is stopped.
 *
 * 用法 usage:  php urban_worker.php
 */

declare(strict_types=1);

require __DIR__ . '/exchange.php';
require __DIR__ . '/urban.php';

$settings = Settings::fromEnvironment();
$urban = new Urban($settings);
$account = new Account($settings->urbanUsername, $settings->urbanPassword);
$client = client($settings->gridWsdl, $settings->gridEndpoint);

/** 呼叫一次,应答不明时返回 null:稍后以同一标识重发。Call once; null when the outcome is unknown: the same id is sent again later. */
$call = function (string $operation, array $parameters, string $messageId, array $about) use ($settings, $account, $client): ?object {
    $header = messageHeader($messageId, $settings->urbanCode, $settings->gridCode, $about);
    try {
        return $client->__soapCall($operation, [$parameters], null, [$account->token(), $header]);
    } catch (SoapFault $fault) {
        $typed = $fault->detail->exchangeFault ?? null;
        fprintf(STDERR, "%s %s: %s\n", $operation, $messageId, $typed->code ?? $fault->getMessage());
        return null;
    }
};

while (true) {
    foreach ($urban->receiptsToGive() as $formMessageId => $each) {
        $about = ['caseNumber' => $each['receipt']['caseNumber'], 'formType' => $each['receipt']['formType'], 'attempt' => 1];
        if ($call('DeliverReceipt', ['receipt' => $each['receipt']], $each['messageId'], $about) !== null) {
            $urban->receiptGiven($formMessageId);
        }
    }
    foreach ($urban->due() as $each) {
        $about = array_intersect_key($each, array_flip(['caseNumber', 'formType', 'attempt']));
        $answer = $call('DeliverForm', ['form' => [$each['formType'] => $each['form']]], $each['messageId'], $about);
        if (isset($answer->receipt)) {
            $urban->receiptArrived($answer->receipt);
        }
        $fault = $answer->receipt->fault ?? null;
        $outcome = $answer->receipt->outcome ?? ($answer === null ? 'unanswered' : 'acknowledged');
        printf("%s %s: %s\n", $each['formType'], $each['caseNumber'], $outcome . ($fault ? " $fault->code $fault->messageZh" : ''));
    }
    usleep(200_000);
}
