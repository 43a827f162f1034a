<?php
/**
 * 两个示例共用的部分:客户端的建立、报文头、身份令牌、附件。
 * What both examples share: making a client, the message header, the security token, attachments.
 *
 * 只依赖 PHP 自带的 soap 扩展。Nothing but PHP's own soap extension is needed.
 */

declare(strict_types=1);

const EXCHANGE = 'urn:duijie:exchange:1.0';
const CONTRACT_VERSION = '1.0';
const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const WSU = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';
const PROFILE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0';

date_default_timezone_set('Asia/Shanghai');

/** 一次呼叫所用的账号。The account that calls are made under. */
final class Account
{
    public function __construct(
        public readonly string $name,
        public readonly string $password,
        public readonly bool $digest = true,
    ) {
    }

    /** 每次呼叫都要新的令牌:摘要含一次性随机数。A token is for one call only: its digest has a nonce in it. */
    public function token(): SoapHeader
    {
        $username = htmlspecialchars($this->name, ENT_XML1);
        if ($this->digest) {
            $nonce = random_bytes(16);
            $created = gmdate('Y-m-d\TH:i:s\Z');
            $secret = sprintf(
                '<wsse:Password Type="%s#PasswordDigest">%s</wsse:Password><wsse:Nonce>%s</wsse:Nonce>'
                . '<wsu:Created xmlns:wsu="%s">%s</wsu:Created>',
                PROFILE,
                base64_encode(sha1($nonce . $created . $this->password, true)),
                base64_encode($nonce),
                WSU,
                $created
            );
        } else {
            $secret = sprintf(
                '<wsse:Password Type="%s#PasswordText">%s</wsse:Password>',
                PROFILE,
                htmlspecialchars($this->password, ENT_XML1)
            );
        }
        $block = sprintf(
            '<wsse:Security xmlns:wsse="%s" SOAP-ENV:mustUnderstand="1"><wsse:UsernameToken>'
            . '<wsse:Username>%s</wsse:Username>%s</wsse:UsernameToken></wsse:Security>',
            WSSE,
            $username,
            $secret
        );
        return new SoapHeader(WSSE, 'Security', new SoapVar($block, XSD_ANYXML), true);
    }
}

/** 由契约建立客户端。A client made of the contract. */
function client(string $wsdl, string $endpoint): SoapClient
{
    return new SoapClient($wsdl, [
        'location' => $endpoint,
        // 缺省会把 WSDL 缓存一天,契约更新后仍用旧的。By default the WSDL is cached for a day, and a new contract not seen.
        'cache_wsdl' => WSDL_CACHE_NONE,
        // 只有一个元素的列表也给数组。A list of one element is an array too.
        'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
        'exceptions' => true,
        'connection_timeout' => 10,
        'trace' => true,
        // 对接桥以 response 方式给回执时最多等 25 秒。A bridge that answers with the receipt takes up to 25 seconds.
        'stream_context' => stream_context_create(['http' => ['timeout' => 40]]),
    ]);
}

/** 报文头。`$about` 给出案卷号、表单类型和第几次发送;查询时不给。The message header; a query has no `$about`. */
function messageHeader(string $messageId, string $sender, string $recipient, array $about = []): SoapHeader
{
    // 不适用的成员省去。What does not apply is left out.
    $members = ['messageId' => $messageId, 'sender' => $sender, 'recipient' => $recipient]
        + $about
        + ['sentAt' => now(), 'contractVersion' => CONTRACT_VERSION];
    return new SoapHeader(EXCHANGE, 'messageHeader', $members);
}

/** 照片。大小和 SHA-256 按原始字节计算,base64 由 PHP 完成。A photo; size and digest are of the raw bytes, PHP makes the base64. */
function attachment(string $path, string $kind): array
{
    $content = file_get_contents($path);
    return [
        'name' => basename($path),
        'mediaType' => 'image/png',
        'size' => strlen($content),
        'sha256' => hash('sha256', $content),
        'kind' => $kind,
        'content' => $content,
    ];
}

/** 新的报文标识。A new message id. */
function messageId(): string
{
    $bytes = random_bytes(16);
    $bytes[6] = chr(ord($bytes[6]) & 0x0f | 0x40);
    $bytes[8] = chr(ord($bytes[8]) & 0x3f | 0x80);
    return 'urn:uuid:' . vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($bytes), 4));
}

/** 此刻,带时区。This moment, with its zone. */
function now(): string
{
    return date('c');
}
