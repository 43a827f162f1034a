<?php
/**
 * 城管平台一侧的服务,按契约建立:验令牌、收表单、给回执、收回执、答查询。
 * A service on the urban platform's side, made of the contract: checks tokens, takes forms, gives receipts, takes receipts, answers queries.
 *
 * 用法 usage:  php -S 127.0.0.1:8102 urban_platform.php
 *
 * 设置取自环境变量,见 urban.php。待发的表单和回执由 urban_worker.php 送出。
 * Settings come from the environment, see urban.php. What is to be sent is sent by urban_worker.php.
 */

declare(strict_types=1);

require_once __DIR__ . '/exchange.php';
require_once __DIR__ . '/urban.php';

/** 每次呼叫一个对象:先处理头块,再处理操作。One object a call: header blocks first, then the operation. */
final class UrbanService
{
    private ?object $header = null;
    private bool $known = false;

    public function __construct(private readonly Settings $settings, private readonly Urban $urban)
    {
    }

    /** 头块 wsse:Security。The header block wsse:Security. */
    public function Security(object $security): void
    {
        $token = $security->UsernameToken ?? null;
        $password = (string) ($token->Password ?? '');
        $expected = $this->settings->gridPassword;
        if (isset($token->Nonce, $token->Created)) {
            $expected = base64_encode(sha1(base64_decode($token->Nonce) . $token->Created . $expected, true));
        }
        // 两项总是都比较,耗时不泄露哪项不对。Both are always compared: the time taken tells nothing.
        $name = hash_equals($this->settings->gridUsername, (string) ($token->Username ?? ''));
        $this->known = hash_equals($expected, $password) && $name;
    }

    /** 头块 messageHeader。The header block messageHeader. */
    public function messageHeader(object $header): void
    {
        $this->header = $header;
    }

    public function DeliverForm(object $request): array
    {
        $this->admit();
        // 只有一个成员:表单类型和内容。There is one member: the form's type and its content.
        [$type, $form] = [array_key_first((array) $request->form), current((array) $request->form)];
        $receipt = $this->urban->formArrived($this->header->messageId, $type, $form);
        // 以呼叫方式给回执时,应答仅表示签收。Where receipts are given by call, the answer only acknowledges.
        return $receipt === null ? [] : ['receipt' => $receipt];
    }

    public function DeliverReceipt(object $request): array
    {
        $this->admit();
        $this->urban->receiptArrived($request->receipt);
        return [];
    }

    public function QueryCases(object $query): array
    {
        $this->admit();
        // 本例不答移交案卷的查询:一页空的。This example has no books to query: an empty page.
        return ['nextCursor' => $query->cursor ?? '0', 'more' => false];
    }

    private function admit(): void
    {
        if (!$this->known) {
            throw typedFault('NOT_AUTHENTICATED', '账号或口令不符', 'The account or the password is not right');
        }
        if ($this->header === null) {
            throw typedFault('REQUIRED_MISSING', '缺少报文头 messageHeader', 'The messageHeader is missing');
        }
        $parties = [$this->header->sender, $this->header->recipient];
        if ($parties !== [$this->settings->gridCode, $this->settings->urbanCode]) {
            throw typedFault('WRONG_PARTY', '发送方或接收方代码不符', 'Sender or recipient is not that of this link');
        }
    }
}

/** 契约的类型化错误:收到它的一方知道报文确定未生效。The contract's typed fault: whoever gets it knows that nothing was done. */
function typedFault(string $code, string $zh, string $en): SoapFault
{
    $detail = ['exchangeFault' => ['code' => $code, 'messageZh' => $zh, 'messageEn' => $en]];
    // 末尾的名称须与 WSDL 中 fault 的名称一致,detail 才按契约编码。The name is the WSDL's, else detail is not written as the contract says.
    return new SoapFault('Client', "$zh / $en", null, $detail, 'ExchangeFault');
}

$settings = Settings::fromEnvironment();
$server = new SoapServer($settings->urbanWsdl, ['cache_wsdl' => WSDL_CACHE_NONE, 'features' => SOAP_SINGLE_ELEMENT_ARRAYS]);
$server->setObject(new UrbanService($settings, new Urban($settings)));
$server->handle();
