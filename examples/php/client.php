<?php
/**
 * 网格平台一侧的客户端:移交带照片的案卷、读回执、查询已移交案卷、读类型化错误。
 * A client on the grid platform's side: hand a case over with a photo, read the receipt, query, read the typed fault.
 *
 * 用法 usage:  php client.php WSDL ENDPOINT PHOTO [digest|text]
 *
 * 账号取自环境变量,缺省为示例配置的账号。The account is taken from the environment; by default it is the example profile's.
 */

declare(strict_types=1);

require __DIR__ . '/exchange.php';

[, $wsdl, $endpoint, $photo] = $argv;
$digest = ($argv[4] ?? 'digest') === 'digest';
$grid = getenv('DUIJIE_SENDER') ?: 'wuhu-grid';
$urban = getenv('DUIJIE_RECIPIENT') ?: 'wuhu-urban';
$account = new Account(getenv('DUIJIE_USERNAME') ?: 'grid', getenv('DUIJIE_PASSWORD') ?: 'grid-demo', $digest);

$client = client($wsdl, $endpoint);

/** 送出一份表单,取回回执。Deliver a form and give back its receipt. */
function deliver(SoapClient $client, Account $account, string $from, string $to, string $type, array $form): ?object
{
    $about = ['caseNumber' => $form['caseNumber'], 'formType' => $type, 'attempt' => 1];
    $headers = [$account->token(), messageHeader(messageId(), $from, $to, $about)];
    $answer = $client->__soapCall('DeliverForm', [['form' => [$type => $form]]], null, $headers);
    // 没有回执表示仅签收,回执随后以 DeliverReceipt 送到我方服务。No receipt: arrival is acknowledged, the receipt follows by DeliverReceipt.
    return $answer->receipt ?? null;
}

$handOver = [
    'caseNumber' => sprintf('340202-%s-%06d', date('Ymd'), random_int(500000, 999999)),
    'source' => 'grid_platform',
    'kind' => 'event',
    'category' => '01',
    'subcategory' => '02',
    'grade' => 'ordinary',
    'description' => '小区东门外人行道堆放生活垃圾,约两平方米 (PHP ' . bin2hex(random_bytes(4)) . ')',
    'address' => '镜湖区北京路 18 号东门',
    'district' => '340202',
    'street' => '340202001',
    'community' => '340202001003',
    'cell' => '340202001003007',
    'reportedAt' => now(),
    'reporterName' => '王秀兰',
    'handedOverAt' => now(),
    'handedOverBy' => '城管虚拟账号',
    'position' => ['x' => 118.3612, 'y' => 31.3339, 'system' => 'CGCS2000'],
    // 可重复元素就是数组。An element that may repeat is an array.
    'attachments' => [attachment($photo, 'report')],
];

// 1. 移交并读回执。Hand over and read the receipt.
$receipt = deliver($client, $account, $grid, $urban, 'handOver', $handOver);
printf("移交 hand-over %s: %s\n", $receipt->caseNumber ?? $handOver['caseNumber'], $receipt->outcome ?? 'acknowledged');

// 2. 查询今天移交的案卷,逐页取完。Query the cases handed over today, page by page.
$query = ['since' => date('Y-m-d\T00:00:00P'), 'pageSize' => 50];
$found = null;
do {
    $headers = [$account->token(), messageHeader(messageId(), $grid, $urban)];
    $page = $client->__soapCall('QueryCases', [$query], null, $headers);
    foreach ($page->cases ?? [] as $case) {
        if ($case->handOver->caseNumber === $handOver['caseNumber']) {
            $found = $case;
        }
    }
    $query['cursor'] = $page->nextCursor;
} while ($page->more);
$same = $found !== null && $found->handOver->attachments[0]->content === file_get_contents($photo);
printf("查询 query %s: %s, photo %s\n", $handOver['caseNumber'], $found->state ?? 'not found', $same ? 'as sent' : 'differs');

// 3. 有误的表单得到错误回执,指明字段。A bad form gets an error receipt that names the field.
$bad = ['caseNumber' => '340202-20260302-999998', 'grade' => 'whatever'] + $handOver;
$receipt = deliver($client, $account, $grid, $urban, 'handOver', $bad);
printf("错误表单 bad form: %s %s %s\n", $receipt->outcome, $receipt->fault->code, $receipt->fault->field);

// 4. 口令错误得到类型化错误,报文确定未生效。A wrong password gets the typed fault: the message surely had no effect.
try {
    deliver($client, new Account($account->name, 'wrong', $digest), $grid, $urban, 'handOver', $handOver);
    print("口令错误 wrong password: no fault\n");
} catch (SoapFault $fault) {
    $typed = $fault->detail->exchangeFault ?? null;
    if ($typed === null) {
        throw $fault;  // 不是类型化错误:结果不明,以同一标识重发。Not the typed fault: outcome unknown, send again under the same id.
    }
    // faultcode 带前缀,前缀由对方任选,不可比较整个文字。The prefix of the faultcode is the other side's own: do not compare it.
    printf("口令错误 wrong password: %s %s\n", preg_replace('/^.*:/', '', $fault->faultcode), $typed->code);
}
