<?php
/**
 * 示例城管平台的业务:一件案卷收到后自动立案、派遣、处置、送核查,核查后随网格平台结案或重新处置。
 * What the example urban platform does: a case that arrives is filed, dispatched, disposed of and sent for verification by itself;
 * after the verification it is closed, or disposed of once more, as the grid platform says.
 *
 * 对接双方都须做到的几件事在这里:重复的报文标识给同一回执;同一案卷一次只有一份表单在等回执;没有回执就以同一标识重发。
 * What the exchange asks of everybody is here: a known message id gets the same receipt; one form of a case waits for its receipt
 * at a time; without a receipt the same form is sent again under the same id.
 */

declare(strict_types=1);

/** 设置,缺省为示例配置的值。Settings; by default those of the example profile. */
final class Settings
{
    public string $urbanWsdl;
    public string $gridWsdl;
    /** 我方呼叫的地址:对接桥的 /grid,或网格平台。Where we call: the bridge's /grid, or the grid platform. */
    public string $gridEndpoint;
    public string $urbanCode;
    public string $gridCode;
    public string $urbanUsername;
    public string $urbanPassword;
    public string $gridUsername;
    public string $gridPassword;
    /** 我方给回执的方式 how we give receipts: response | call */
    public string $receipts;
    public string $store;

    public static function fromEnvironment(): self
    {
        $made = new self();
        $contract = self::read('CONTRACT', 'contract');
        $made->urbanWsdl = "$contract/urban.wsdl";
        $made->gridWsdl = "$contract/grid.wsdl";
        $made->gridEndpoint = self::read('GRID_ENDPOINT', 'http://127.0.0.1:8100/grid');
        $made->urbanCode = self::read('URBAN_CODE', 'wuhu-urban');
        $made->gridCode = self::read('GRID_CODE', 'wuhu-grid');
        $made->urbanUsername = self::read('URBAN_USERNAME', 'urban');
        $made->urbanPassword = self::read('URBAN_PASSWORD', 'urban-demo');
        $made->gridUsername = self::read('GRID_USERNAME', 'grid');
        $made->gridPassword = self::read('GRID_PASSWORD', 'grid-demo');
        $made->receipts = self::read('RECEIPTS', 'response');
        $made->store = self::read('STORE', 'urban.json');
        return $made;
    }

    private static function read(string $name, string $otherwise): string
    {
        return getenv("DUIJIE_$name") ?: $otherwise;
    }
}

final class Urban
{
    public function __construct(private readonly Settings $settings)
    {
    }

    /** 收到一份表单;给出回执,以呼叫方式给时为 null。A form has arrived; its receipt, or null where receipts are given by call. */
    public function formArrived(string $messageId, string $type, object $form): ?array
    {
        return $this->change(function (array &$state) use ($messageId, $type, $form): ?array {
            // 同一标识再来:同一回执,不再办理。The same id again: the same receipt, and nothing is done twice.
            $receipt = $state['received'][$messageId] ??= $this->decide($state, $messageId, $type, $form);
            if ($this->settings->receipts === 'response') {
                return $receipt;
            }
            $state['receiptsToGive'][$messageId] ??= ['messageId' => messageId(), 'receipt' => $receipt];
            return null;
        });
    }

    /** 收到我方表单的回执,按案卷号和报文标识对应。The receipt of a form of ours, matched by case number and message id. */
    public function receiptArrived(object $receipt): void
    {
        $this->change(function (array &$state) use ($receipt): void {
            foreach ($state['outbox'] as &$each) {
                $same = [$receipt->caseNumber, $receipt->formMessageId] === [$each['caseNumber'], $each['messageId']];
                if ($same && $each['state'] === 'waiting') {
                    $each['state'] = $receipt->outcome;
                    $each['fault'] = $receipt->fault ?? null;
                }
            }
        });
    }

    /** 可以发出的表单:每件案卷至多一份。Forms that may be sent now: one a case at the most. */
    public function due(): array
    {
        return $this->change(function (array &$state): array {
            $due = [];
            $blocked = [];
            foreach ($state['outbox'] as &$each) {
                $first = $each['state'] !== 'confirmed' && !isset($blocked[$each['caseNumber']]);
                if ($first) {
                    $blocked[$each['caseNumber']] = true;
                    if ($each['state'] === 'waiting' && $each['sendAt'] <= time()) {
                        $each['attempt']++;
                        // 间隔逐次加长。The gaps grow.
                        $each['sendAt'] = time() + 10 * 2 ** $each['attempt'];
                        $due[] = $each;
                    }
                }
            }
            return $due;
        });
    }

    /** 要以呼叫方式给出的回执。Receipts to be given by call. */
    public function receiptsToGive(): array
    {
        return $this->change(fn (array &$state): array => $state['receiptsToGive']);
    }

    public function receiptGiven(string $formMessageId): void
    {
        $this->change(function (array &$state) use ($formMessageId): void {
            unset($state['receiptsToGive'][$formMessageId]);
        });
    }

    // 业务 · The business

    private function decide(array &$state, string $messageId, string $type, object $form): array
    {
        $fault = $this->faultOf($state, $type, $form);
        if ($fault === null) {
            $this->take($state, $type, $form);
        }
        $receipt = [
            'caseNumber' => $form->caseNumber,
            'formMessageId' => $messageId,
            'formType' => $type,
            'outcome' => $fault === null ? 'confirmed' : 'error',
            'decidedAt' => now(),
        ];
        return $fault === null ? $receipt : $receipt + ['fault' => $fault];
    }

    private function faultOf(array $state, string $type, object $form): ?array
    {
        foreach ($form->attachments ?? [] as $index => $attachment) {
            if (isset($attachment->content) && hash('sha256', $attachment->content) !== $attachment->sha256) {
                $field = sprintf('form/%s/attachments[%d]/sha256', $type, $index + 1);
                return self::fault('ATTACHMENT_INVALID', $field, '附件摘要不符', 'The digest is not that of the content');
            }
        }
        $case = $state['cases'][$form->caseNumber] ?? null;
        if ($type === 'handOver') {
            return $case === null
                ? null
                : self::fault('CASE_NUMBER_TAKEN', 'form/handOver/caseNumber', '案卷号已被使用', 'The case number is taken');
        }
        if ($case === null) {
            return self::fault('CASE_UNKNOWN', "form/$type/caseNumber", '案卷号不存在', 'No such case');
        }
        if ($type === 'withdrawal') {
            return self::fault('CASE_ALREADY_FILED', null, '立案后不允许注销', 'A filed case cannot be cancelled');
        }
        if (isset($form->taskNumber) && $form->taskNumber !== $case['taskNumber']) {
            return self::fault('TASK_NUMBER_MISMATCH', "form/$type/taskNumber", '任务号与当前立案不符', 'Not the current task');
        }
        return null;
    }

    private function take(array &$state, string $type, object $form): void
    {
        $number = $form->caseNumber;
        $case = &$state['cases'][$number];
        switch ($type) {
            case 'handOver':
                $case = ['filing' => 0, 'district' => $form->district, 'status' => 'open'];
                $this->file($state, $number);
                break;
            case 'verificationResult':
                if ($form->outcome === 'passed') {
                    $this->progress($state, $number, 'closing', '系统自动核查');
                }
                break;
            case 'rejection':
                // 第四次驳回:超时未处置,重新立案;否则重新处置。The fourth rejection leads to a new filing, the others back to disposal.
                if ($form->ordinal > 3) {
                    $this->file($state, $number);
                } else {
                    $this->dispose($state, $number);
                }
                break;
            case 'closing':
                $case['status'] = 'closed';
                break;
        }
    }

    private function file(array &$state, string $number): void
    {
        $case = &$state['cases'][$number];
        $case['filing']++;
        $case['round'] = 0;
        $case['taskNumber'] = sprintf('T%s-%06d', date('Ymd'), ++$state['tasks']);
        $this->post($state, $number, 'filingResult', [
            'outcome' => 'filed',
            'decidedAt' => now(),
            'decidedBy' => '坐席员',
            'filingOrdinal' => $case['filing'],
            'taskNumber' => $case['taskNumber'],
        ]);
        $this->post($state, $number, 'dispatch', [
            'taskNumber' => $case['taskNumber'],
            'district' => $case['district'],
            'dispatchedAt' => now(),
            'dispatchedBy' => '监督考核中心',
        ]);
        $this->dispose($state, $number);
    }

    private function dispose(array &$state, string $number): void
    {
        $case = &$state['cases'][$number];
        // 处置环节须给出时限。The disposal stage names its limit.
        $limit = ['department' => 'D01', 'disposalDueAt' => date('c', time() + 4 * 3600)];
        $this->progress($state, $number, 'department_disposal', '区指挥中心', $limit);
        $this->post($state, $number, 'verificationRequest', [
            'taskNumber' => $case['taskNumber'],
            'round' => ++$case['round'],
            'disposalResult' => '垃圾已清运,地面已冲洗',
            'disposedAt' => now(),
            'district' => $case['district'],
            'department' => 'D01',
        ]);
    }

    private function progress(array &$state, string $number, string $stage, string $handler, array $more = []): void
    {
        $this->post($state, $number, 'stageProgress', [
            'taskNumber' => $state['cases'][$number]['taskNumber'],
            'stage' => $stage,
            'enteredAt' => now(),
            'handler' => $handler,
        ] + $more);
    }

    private function post(array &$state, string $number, string $type, array $form): void
    {
        $state['outbox'][] = [
            'messageId' => messageId(),
            'caseNumber' => $number,
            'formType' => $type,
            'form' => ['caseNumber' => $number] + $form,
            'attempt' => 0,
            'sendAt' => 0,
            'state' => 'waiting',
        ];
    }

    private static function fault(string $code, ?string $field, string $zh, string $en): array
    {
        return array_filter(['code' => $code, 'field' => $field, 'messageZh' => $zh, 'messageEn' => $en]);
    }

    /**
     * 在文件锁下读出、改动、写回,先写好再应答。真实平台这里是数据库事务。
     * Read, change and write under a lock, and only then answer. In a real platform this is a transaction of the database.
     */
    private function change(callable $act): mixed
    {
        $file = fopen($this->settings->store, 'c+');
        flock($file, LOCK_EX);
        $empty = ['received' => [], 'cases' => [], 'outbox' => [], 'receiptsToGive' => [], 'tasks' => 0];
        $state = json_decode((string) stream_get_contents($file), true) ?: $empty;
        $result = $act($state);
        rewind($file);
        ftruncate($file, 0);
        fwrite($file, json_encode($state, JSON_UNESCAPED_UNICODE | JSON_PRETTY_PRINT | JSON_THROW_ON_ERROR));
        fflush($file);
        flock($file, LOCK_UN);
        fclose($file);
        return $result;
    }
}
