"""`duijie contract export DIR`: what a vendor needs to build a platform's side, in one folder."""

import shutil
from pathlib import Path

import contracts

_README = """\
# 对接接口契约 · The exchange contract

SOAP 1.1,文档/文字包装风格(document/literal wrapped)。两侧互为镜像。
SOAP 1.1, document/literal wrapped; the two sides mirror each other.

| 文件 · file | 内容 · content |
|---|---|
| `urban.wsdl`, `urban.xsd` | 城管平台提供的操作 · what the urban platform offers |
| `grid.wsdl`, `grid.xsd` | 网格平台提供的操作 · what the grid platform offers |
| `exchange.xsd` | 两侧共用的报文头、表单、回执、错误和代码表 · header, forms, receipt, fault and code lists of both |
| `samples/` | 每种表单、回执、查询和错误的样例报文,文件名前缀为服务方 · a sample of every form, receipt, query and fault, by the side that serves it |

## 要点 · What to know

- 网格平台向城管平台发送表单(`urban.wsdl` 的 `DeliverForm`),城管平台向网格平台发送表单(`grid.wsdl` 的 `DeliverForm`);回执与表单方向相反。
  The grid platform delivers forms to the urban platform and the other way round; receipts go against their forms.
- 每次调用带头块 `messageHeader` 和 WS-Security `UsernameToken` 1.0(明文或摘要)。
  Every call carries the header block `messageHeader` and a WS-Security `UsernameToken` 1.0 (text or digest).
- 每份表单有一个有效回执,写在应答中,或稍后以 `DeliverReceipt` 送达;两种方式都必须能接收。
  Every form has one effective receipt, in the response or later by `DeliverReceipt`; be ready for both.
- 没有收到回执时,以同一 `messageId` 重发;收到重复的 `messageId` 时,再次给出同一回执,不产生第二次效果。
  Without a receipt, send again under the same `messageId`; for a repeated `messageId` give the same receipt again and do nothing twice.
- SOAP Fault 的 `detail` 中有 `exchangeFault`,表示报文确定未生效。样例中的口令仅为示意。
  `exchangeFault` in the `detail` of a SOAP fault says that the message surely had no effect. Passwords in the samples are examples.
- `soap:address` 为占位,实际地址以对接配置为准。
  `soap:address` is a placeholder; the integration profile has the real one.
"""


def export(directory: Path) -> list[Path]:
    """Copy the contract, the samples and a short README into `directory`; the files written, in order."""
    samples = directory / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    written = [directory / "README.md"]
    written[0].write_text(_README, encoding="utf-8")
    sources = [contracts.path(name) for name in contracts.NAMES]
    written += [Path(shutil.copyfile(source, directory / source.name)) for source in sources]
    written += [
        Path(shutil.copyfile(source, samples / source.name)) for source in sorted(contracts.SAMPLES.glob("*.xml"))
    ]
    return written
