"""The command line. Options and wiring only; every command's work is in a module of its own, imported when it is called."""

import io
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from duijie import __version__
from duijie.console_text import Language, choose_language, say
from duijie.exits import Exit, UserMistake

app = typer.Typer(
    name="duijie",
    help="对接:网格平台与数字城管平台。The grid platform and the urban-management platform, working together.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
contract_app = typer.Typer(help="接口契约。The contract.", no_args_is_help=True, rich_markup_mode=None)
profile_app = typer.Typer(help="对接配置。The integration profile.", no_args_is_help=True, rich_markup_mode=None)
conform_app = typer.Typer(
    help="一致性检查:评判一个被测系统。Judge a system under test.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(contract_app, name="contract")
app.add_typer(profile_app, name="profile")
app.add_typer(conform_app, name="conform")
operator_app = typer.Typer(
    help="值班员:看对接桥上等待的表单,挂起、放行、重发、终止。What a person on duty asks the bridge and does at it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(operator_app, name="operator")

bundle_app = typer.Typer(
    help="证据包:核验、比较、密钥。The evidence bundle: verify, compare, keys.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(bundle_app, name="bundle")

#: What the parser raises for a wrong option or argument. Some releases of typer bring their own copy of click, so the class is taken
#: from typer's own.
WrongUsage: type[Exception] = typer.BadParameter.__mro__[1]


def _known_language(asked: str | None) -> str | None:
    if asked not in (None, "zh", "en"):
        raise UserMistake(f"--lang 应为 zh 或 en,不是 {asked}", f"--lang is zh or en, not {asked}")
    return asked


LanguageOption = Annotated[
    str | None,
    typer.Option(
        "--lang", callback=_known_language, help="zh 或 en,默认随系统。zh or en; the machine's locale by default."
    ),
]
ProfileOption = Annotated[
    Path | None,
    typer.Option(
        "--profile", help="对接配置文件,默认内置的芜湖示例。Profile file; the built-in Wuhu example by default."
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", help="随机种子。Seed of everything random.")]
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="状态文件;不给则只在内存。State file; memory only without it.")
]
ControlOption = Annotated[
    int | None,
    typer.Option(
        "--control-port",
        min=0,
        max=65535,
        help="控制端口,凭 DUIJIE_CONTROL_TOKEN 访问;不给则关闭。Control port, opened by DUIJIE_CONTROL_TOKEN; off without it.",
    ),
]
CalmOption = Annotated[bool, typer.Option("--calm", help="关闭一切怪癖。Switch every quirk off.")]


@app.command()
def up(
    profile: ProfileOption = None,
    once: Annotated[
        bool, typer.Option("--once", help="第一件案卷走完就停。Stop when the first case is through.")
    ] = False,
    direct: Annotated[
        bool, typer.Option("--direct", help="两平台直连,不经对接桥。Wire the platforms to each other, no bridge.")
    ] = False,
    calm: CalmOption = False,
    seed: SeedOption = 1,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="把三方状态存在此目录。Keep the state of all three in this folder.")
    ] = None,
    steered: Annotated[
        bool,
        typer.Option("--steered", help="时钟由控制台拨动。The clock stands until it is moved on the console."),
    ] = False,
    lang: LanguageOption = None,
) -> None:
    """启动两个模拟平台和对接桥,并走完第一件案卷。Start both simulators and the bridge, and walk a first case through."""
    from duijie.up import run_up

    _leave(
        run_up(
            profile,
            once=once,
            direct=direct,
            calm=calm,
            seed=seed,
            keep=keep,
            steered=steered,
            language=choose_language(lang),
        )
    )


@app.command()
def replay(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="场景文件或目录,或日志(轨迹 .jsonl、.har、对接桥的 .db)。Scenario files or folders, or journals (traces .jsonl, .har, a bridge's .db).",
            metavar="PATH…",
        ),
    ],
    live: Annotated[bool, typer.Option("--live", help="在进程之间走真实 SOAP。Real SOAP between processes.")] = False,
    wiring: Annotated[
        str | None, typer.Option("--wiring", help="bridged 或 direct,默认按场景。As the scenario says by default.")
    ] = None,
    seed: SeedOption = 1,
    step: Annotated[bool, typer.Option("--step", help="每步之后等待回车。Wait for Enter after each step.")] = False,
    diagram: Annotated[
        Path | None, typer.Option("--diagram", help="把时序图(SVG、Mermaid)写到此目录。Write sequence diagrams here.")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option("--trace", help="把报文轨迹(JSON 行)写到此目录。Write traces (JSON lines) here.")
    ] = None,
    planted: Annotated[
        str | None,
        typer.Option(
            "--planted",
            metavar="MEMBER",
            help="由动物园(docs/zoo.md)的这个成员顶替其一方。This member of the zoo (docs/zoo.md) takes its party's place.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="每个事件一行 JSON。One JSON line per event.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="只显示结论和失败。Show verdicts and failures only.")
    ] = False,
    profile: Annotated[
        Path | None, typer.Option("--profile", help="回放日志所用的配置。The profile that a journal is replayed with.")
    ] = None,
    lang: LanguageOption = None,
) -> None:
    """回放场景:虚拟时间,或加 --live 走真实 SOAP;回放日志并列出差异。Replay scenarios, in virtual time or live; journals once more, with the differences."""
    from duijie.record import run_rerun
    from duijie.recording.journal import is_journal
    from duijie.replay import ReplayOptions, run_replay

    journals = [path for path in paths if is_journal(path)]
    if journals and len(journals) < len(paths):
        raise UserMistake("场景与日志请分开回放", "replay scenarios and journals apart")
    if journals and (live or step or diagram is not None or wiring is not None):
        raise UserMistake(
            "日志只在虚拟时间中回放,不用 --live、--step、--diagram、--wiring",
            "journals are replayed in virtual time, without --live, --step, --diagram or --wiring",
        )
    if journals:
        language = choose_language(lang)
        _leave(run_rerun(journals, seed=seed, profile=profile, trace=trace, as_json=json, language=language))
    options = ReplayOptions(
        live=live,
        wiring=wiring,
        seed=seed,
        step=step,
        diagram=diagram,
        trace=trace,
        planted=planted,
        json=json,
        quiet=quiet,
        language=choose_language(lang),
    )
    _leave(run_replay(paths, options))


@app.command()
def record(
    trace: Annotated[
        Path,
        typer.Argument(
            help="轨迹(JSON 行)、HAR 或对接桥的存储。A trace (JSON lines), a HAR recording, or a bridge's store.",
            metavar="TRACE",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="场景文件;不给则打印。The scenario file; printed without it.")
    ] = None,
    profile: ProfileOption = None,
    lang: LanguageOption = None,
) -> None:
    """把录下的日志写成场景。Write a recorded journal as a scenario."""
    from duijie.record import run_record

    _leave(run_record(trace, out, profile, choose_language(lang)))


@app.command()
def simulate(
    cases: Annotated[int, typer.Option("--cases", help="上报多少件。How many cases are reported.")] = 1000,
    days: Annotated[int, typer.Option("--days", help="分布在多少天。Over how many days.")] = 30,
    seed: SeedOption = 1,
    faults: Annotated[
        str, typer.Option("--faults", help="故障:none、calm、city、storm。How bad the network is.", metavar="PROFILE")
    ] = "city",
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, help="进程数,不影响结果。Processes; the result is the same.")
    ] = 1,
    until_failure: Annotated[
        float | None,
        typer.Option(
            "--until-failure",
            min=0,
            help="在此时间内逐个试后续种子,遇失败即停。Try further seeds for so long, stop at the first failure.",
            metavar="SECONDS",
        ),
    ] = None,
    minimise: Annotated[
        float,
        typer.Option(
            "--minimise",
            min=0,
            help="缩小失败的世界至多多久。Make a failing world small for so long.",
            metavar="SECONDS",
        ),
    ] = 60.0,
    world: Annotated[
        str | None, typer.Option("--world", help="只模拟一个片区世界,如 340202-0。One world only.", metavar="KEY")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--only", help="只要其中这些上报,如 3,17。Only these of its reports.", metavar="N,N"),
    ] = None,
    planted: Annotated[
        str | None,
        typer.Option(
            "--planted",
            help="让动物园的一员充当其方,以证能找出。A member of the zoo, to show that it is found.",
            metavar="ID",
        ),
    ] = None,
    profile: ProfileOption = None,
    trace: Annotated[
        Path | None,
        typer.Option("--trace", help="把日志写到此目录,每个世界一个文件。Write the journal here, a file a world."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="把图表写成一个 HTML 文件。Charts in one HTML file.", metavar="FILE")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON。Write JSON.")] = False,
    lang: LanguageOption = None,
) -> None:
    """在虚拟时间中模拟一座城市,全程评判。Simulate a whole city in virtual time, judged all along."""
    from duijie.simulate import SimulateOptions, run_simulate

    options = SimulateOptions(
        cases=cases,
        days=days,
        seed=seed,
        faults=faults,
        jobs=jobs,
        until_failure=until_failure,
        minimise=minimise,
        world=world,
        only=_numbers("--only", only),
        planted=planted,
        profile=profile,
        trace=trace,
        report=report,
        json=json,
        language=choose_language(lang),
    )
    _leave(run_simulate(options))


def _numbers(option: str, written: str | None) -> frozenset[int] | None:
    if written is None:
        return None
    if not all(each.strip().isdecimal() for each in written.split(",")):
        raise UserMistake(f"{option} 应如 3,17,不是 {written}", f"{option} is like 3,17, not {written}")
    return frozenset(int(each) for each in written.split(","))


GridAddressOption = Annotated[
    list[str] | None, typer.Option("--grid", help="网格平台的服务地址。Where the grid platform listens.", metavar="URL")
]
UrbanAddressOption = Annotated[
    list[str] | None,
    typer.Option("--urban", help="城管平台的服务地址。Where the urban platform listens.", metavar="URL"),
]
BridgeAddressOption = Annotated[
    list[str] | None, typer.Option("--bridge", help="对接桥的服务地址。Where the bridge listens.", metavar="URL")
]


@app.command()
def judge(
    traces: Annotated[
        list[Path],
        typer.Argument(help="轨迹(JSON 行)或 HAR 文件。Traces (JSON lines) or HAR files.", metavar="TRACE…"),
    ],
    profile: ProfileOption = None,
    grid: GridAddressOption = None,
    urban: UrbanAddressOption = None,
    bridge: BridgeAddressOption = None,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete",
            help="录制自首次移交起、到双方再无可做为止。The recording holds everything, from the first hand-over to the end.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON。Write JSON.")] = False,
    lang: LanguageOption = None,
) -> None:
    """评判录下的报文,逐条给出结论。Judge recorded traffic, clause by clause."""
    from bridge.vocabulary.parties import Party
    from duijie.judge import JudgeOptions, run_judge

    addresses = {Party.GRID: grid or [], Party.URBAN: urban or [], Party.BRIDGE: bridge or []}
    options = JudgeOptions(
        profile=profile, addresses=addresses, complete=complete, json=json, language=choose_language(lang)
    )
    _leave(run_judge(traces, options))


@app.command()
def observe(
    grid: Annotated[
        str | None, typer.Option("--grid", help="网格平台真正的地址。Where the grid platform really is.", metavar="URL")
    ] = None,
    urban: Annotated[
        str | None,
        typer.Option("--urban", help="城管平台真正的地址。Where the urban platform really is.", metavar="URL"),
    ] = None,
    bridge: Annotated[
        str | None, typer.Option("--bridge", help="对接桥真正的地址。Where the bridge really is.", metavar="URL")
    ] = None,
    grid_at: Annotated[
        str | None,
        typer.Option("--grid-at", help="代网格平台监听的地址。Where to listen in its place.", metavar="HOST:PORT"),
    ] = None,
    urban_at: Annotated[
        str | None,
        typer.Option("--urban-at", help="代城管平台监听的地址。Where to listen in its place.", metavar="HOST:PORT"),
    ] = None,
    bridge_at: Annotated[
        str | None,
        typer.Option("--bridge-at", help="代对接桥监听的地址。Where to listen in its place.", metavar="HOST:PORT"),
    ] = None,
    profile: ProfileOption = None,
    trace: Annotated[
        Path | None, typer.Option("--trace", help="轨迹文件,须是新文件。The trace, a file that is not there yet.")
    ] = None,
    rotate_mb: Annotated[
        int | None, typer.Option("--rotate-mb", min=1, help="每个文件至多多少 MiB。MiB a file at the most.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", min=0, help="旧文件至多保留几个。Older files to keep at the most.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            help="不记录 attachments 或 personal。Leave attachments or personal fields out.",
            metavar="WHAT",
        ),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", help="另外信任的证书(PEM)。Certificates to trust beside the system's.")
    ] = None,
    keep_host: Annotated[
        bool, typer.Option("--keep-host", help="Host 头原样转发。Pass the Host header on as it is.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="每个事件一行 JSON。One JSON line per event.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="只显示违反和结论。Show breaches and verdicts only.")
    ] = False,
    lang: LanguageOption = None,
) -> None:
    """在两个真实平台之间转发、记录并即时评判。Stand between two real platforms: pass on, record, judge."""
    from bridge.vocabulary.parties import Party
    from duijie.observe import ObserveOptions, run_observe

    services = {Party.GRID: grid, Party.URBAN: urban, Party.BRIDGE: bridge}
    options = ObserveOptions(
        services={party: url for party, url in services.items() if url is not None},
        listen={Party.GRID: grid_at, Party.URBAN: urban_at, Party.BRIDGE: bridge_at},
        profile=profile,
        trace=trace,
        rotate_mb=rotate_mb,
        keep=keep,
        without=tuple(without or ()),
        ca=ca,
        keep_host=keep_host,
        quiet=quiet,
        json=json,
        language=choose_language(lang),
    )
    _leave(run_observe(options))


@app.command()
def explain(
    clause: Annotated[str | None, typer.Argument(help="条款号,如 INT-8;不给则列出全部。Clause id.")] = None,
    lang: LanguageOption = None,
) -> None:
    """解释一条条款:它说什么,哪些场景和测试涉及它。Explain a clause: what it says, what touches it."""
    from duijie.explain import run_explain

    _leave(run_explain(clause, choose_language(lang)))


TableOption = Annotated[
    Path | None,
    typer.Option(
        "--table",
        help="本市自己的表(YAML),覆盖内置各行。The city's own rows (YAML), laid over ours.",
        metavar="FILE",
    ),
]


@app.command()
def codes(
    table: Annotated[
        str | None, typer.Argument(help="表名;不给则列出各表。Name of a table; all of them without it.")
    ] = None,
    word: Annotated[str | None, typer.Argument(help="只列含此字词的行。Only rows that hold this.")] = None,
    city: TableOption = None,
    json: Annotated[bool, typer.Option("--json", help="每行一个 JSON。One JSON line per row.")] = False,
    lang: LanguageOption = None,
) -> None:
    """查代码表:部件事件大小类、时限、来源、状态、环节、区划等。Look up categories, limits and code lists."""
    from duijie.codes import CodesOptions, run_codes

    _leave(run_codes(CodesOptions(table=table, word=word, city=city, json=json, language=choose_language(lang))))


@app.command()
def limit(
    what: Annotated[
        str,
        typer.Argument(
            help="小类代码或名称(0102、暴露垃圾),或时限本身(“4 working_hour”)。A sub category, or a limit as such.",
            metavar="WHAT",
        ),
    ],
    start: Annotated[str, typer.Argument(help="起算时刻,如 2026-09-30T16:00。When it starts.", metavar="START")],
    step: Annotated[
        str,
        typer.Option(
            "--step", help="filing 立案、dispatch 派遣、disposal 处置、verification 核查。Which step's limit."
        ),
    ] = "disposal",
    area: Annotated[
        str, typer.Option("--area", help="core、general、outer,默认不分。Class of the area; any by default.")
    ] = "*",
    urgent: Annotated[bool, typer.Option("--urgent", help="紧急案卷。An urgent case.")] = False,
    kind: Annotated[
        str | None, typer.Option("--kind", help="component 部件 或 event 事件。When the code is both.")
    ] = None,
    profile: ProfileOption = None,
    city: TableOption = None,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON。Write JSON.")] = False,
    lang: LanguageOption = None,
) -> None:
    """算一个时限:何时起算,每一段停表(夜间、周末、节假日),何时到期。When a limit ends, with every pause on the way."""
    from duijie.limit import LimitOptions, run_limit

    options = LimitOptions(
        what=what,
        start=start,
        step=step,
        area=area,
        urgent=urgent,
        kind=kind,
        profile=profile,
        city=city,
        json=json,
        language=choose_language(lang),
    )
    _leave(run_limit(options))


@app.command()
def report(
    period: Annotated[
        str,
        typer.Argument(
            help="统计期:2026-03、2026-Q1、2026、2026-03-02、2026-03-02..2026-03-08。The period.", metavar="PERIOD"
        ),
    ],
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="案卷簿、轨迹文件,或对接桥存储的 URL。Casebooks, traces, or the URL of the bridge's store.",
            metavar="SOURCE…",
        ),
    ] = None,
    urban: Annotated[
        int | None,
        typer.Option(
            "--urban", min=1, max=65535, help="城管平台的控制端口:取其账。Take the books at the urban control port."
        ),
    ] = None,
    edition: Annotated[
        str,
        typer.Option("--edition", help="city_bureau 市城管局,或 grid_office 网格办。Whose report it is."),
    ] = "city_bureau",
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            help="另按此列一表:district、department、company、category、subcategory、source、origin。Every figure once more by this.",
            metavar="LEVEL",
        ),
    ] = None,
    xlsx: Annotated[
        Path | None, typer.Option("--xlsx", help="写成工作簿(须装 duijie[reports])。Write a workbook.", metavar="FILE")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="写成网页。Write a page.", metavar="FILE")] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", help="写成 CSV,放入此新目录。Write CSV files into this new folder.", metavar="DIR"),
    ] = None,
    listed: Annotated[
        str | None,
        typer.Option("--list", help="列出某项指标的案卷,如 late。Print the case list of a figure.", metavar="FIGURE"),
    ] = None,
    known_until: Annotated[
        str | None,
        typer.Option(
            "--known-until", help="不看此时刻之后记录的报文。Leave out what was recorded later.", metavar="MOMENT"
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", help="把所用案卷另存为案卷簿。Keep the cases as a casebook.", metavar="FILE"),
    ] = None,
    profile: ProfileOption = None,
    city: TableOption = None,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON。Write JSON.")] = False,
    lang: LanguageOption = None,
) -> None:
    """统计报表:坐席员公司、处置部门、考核、评价指标,每个数字有明细。Statistics and evaluation with the list behind each number."""
    from duijie.report import ReportOptions, run_report

    options = ReportOptions(
        period=period,
        sources=tuple(sources or ()),
        urban=urban,
        edition=edition,
        by=by,
        xlsx=xlsx,
        html=html,
        csv=csv,
        listed=listed,
        known_until=known_until,
        keep=keep,
        profile=profile,
        city=city,
        json=json,
        language=choose_language(lang),
    )
    _leave(run_report(options))


def _port_option(name: str, zh: str, en: str) -> Any:
    return typer.Option(name, min=1, max=65535, help=f"{zh}的控制端口。Control port of {en}.")


@app.command()
def audit(
    grid: Annotated[int, _port_option("--grid", "网格平台", "the grid platform")],
    urban: Annotated[int, _port_option("--urban", "城管平台", "the urban platform")],
    bridge: Annotated[
        int | None, _port_option("--bridge", "对接桥(直连时不给)", "the bridge; none when wired directly")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="每处不符一行 JSON。One JSON line per finding.")] = False,
    lang: LanguageOption = None,
) -> None:
    """核对三方账目:不丢、不重、各方一致。Hold the books of all parties against each other."""
    from bridge.vocabulary.parties import Party
    from duijie.audit import run_audit

    ports = {Party.GRID: grid, Party.URBAN: urban}
    if bridge is not None:
        ports[Party.BRIDGE] = bridge
    _leave(run_audit(ports, as_json=json, language=choose_language(lang)))


@app.command()
def bridge(
    profile: Annotated[Path, typer.Option("--profile", help="对接配置文件。Profile file.")],
    control_port: ControlOption = None,
) -> None:
    """运行对接桥,直到收到停止信号。Run the bridge until told to stop."""
    from duijie.serve import serve_bridge

    _leave(serve_bridge(profile, control_port=control_port))


@app.command()
def grid(
    profile: ProfileOption = None,
    control_port: ControlOption = None,
    store: StoreOption = None,
    seed: SeedOption = 1,
    calm: CalmOption = False,
    direct: Annotated[bool, typer.Option("--direct", help="直接呼叫对方平台。Call the other platform itself.")] = False,
    lang: LanguageOption = None,
) -> None:
    """运行网格平台模拟器。Run the grid platform simulator."""
    from bridge.vocabulary.parties import Side
    from duijie.serve import serve_simulator

    _leave(
        serve_simulator(
            Side.GRID, profile, control_port, store, seed=seed, calm=calm, direct=direct, language=choose_language(lang)
        )
    )


@app.command()
def urban(
    profile: ProfileOption = None,
    control_port: ControlOption = None,
    store: StoreOption = None,
    seed: SeedOption = 1,
    calm: CalmOption = False,
    direct: Annotated[bool, typer.Option("--direct", help="直接呼叫对方平台。Call the other platform itself.")] = False,
    lang: LanguageOption = None,
) -> None:
    """运行数字城管平台模拟器。Run the urban-management platform simulator."""
    from bridge.vocabulary.parties import Side
    from duijie.serve import serve_simulator

    _leave(
        serve_simulator(
            Side.URBAN,
            profile,
            control_port,
            store,
            seed=seed,
            calm=calm,
            direct=direct,
            language=choose_language(lang),
        )
    )


SutOption = Annotated[
    str,
    typer.Option(
        "--sut",
        help="被测系统的描述文件;builtin 为自带的一方,builtin-virtual 在虚拟时间中。"
        "The system's file; builtin is our own party, builtin-virtual the same in virtual time.",
    ),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", help="检查编号、条款、场景或目录,可用 *,可重复。Id, clause, scenario or folder; * allowed."),
]
SkipOption = Annotated[list[str] | None, typer.Option("--skip", help="不做的检查,写法同上。Checks to leave out.")]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="同时进行的检查数;默认按环境选定。Checks at a time; chosen by default."),
]
RunSeedOption = Annotated[
    int | None, typer.Option("--seed", help="种子;默认随机并显示。Seed; random and shown by default.")
]


def _conform(role: str) -> Callable[..., None]:
    def run(
        sut: SutOption = "builtin",
        only: OnlyOption = None,
        skip: SkipOption = None,
        seed: RunSeedOption = None,
        jobs: JobsOption = None,
        report: Annotated[
            Path | None,
            typer.Option(
                "--report",
                help="把 HTML、JUnit、JSON、Markdown 报告和证据包写到此目录。Write the reports and the evidence bundle here.",
            ),
        ] = None,
        sign_key: Annotated[
            Path | None,
            typer.Option(
                "--sign-key",
                help="给证据包签名的私钥(PEM);口令取自 DUIJIE_SIGN_PASSWORD。Private key that signs the bundle; its password is DUIJIE_SIGN_PASSWORD.",
            ),
        ] = None,
        known_failures: Annotated[
            Path | None,
            typer.Option(
                "--known-failures", help="已知问题文件,所列不合格不算失败。Failures listed here do not fail the run."
            ),
        ] = None,
        last_failed: Annotated[
            Path | None,
            typer.Option(
                "--last-failed", help="只重做这份报告中不合格的检查。Only what failed in this earlier report."
            ),
        ] = None,
        shard: Annotated[
            str | None, typer.Option("--shard", help="只做 N 份中的第 K 份,写作 K/N。One share of the checks, as K/N.")
        ] = None,
        scenario: Annotated[
            list[Path] | None,
            typer.Option(
                "--scenario", help="改用这个场景文件评判,可多次。Judge by this scenario file instead; repeatable."
            ),
        ] = None,
        explore: Annotated[
            int | None,
            typer.Option(
                "--explore",
                min=1,
                metavar="N",
                help="改为探索 N 个随机故事,所发现的写成场景文件。Explore N made-up stories instead; findings become scenario files.",
            ),
        ] = None,
        json: Annotated[bool, typer.Option("--json", help="每项结果一行 JSON。One JSON line per result.")] = False,
        lang: LanguageOption = None,
    ) -> None:
        from bridge.vocabulary.parties import Party
        from duijie.conform import ConformOptions, run_conform

        if explore is not None:
            from duijie.explore import ExploreOptions, run_explore

            wanted = ExploreOptions(
                examples=explore, seed=seed, report=report, json=json, language=choose_language(lang)
            )
            _leave(run_explore(Party(role), sut, wanted))
        options = ConformOptions(
            only=tuple(only or ()),
            skip=tuple(skip or ()),
            seed=seed,
            jobs=jobs,
            json=json,
            report=report,
            sign_key=sign_key,
            known_failures=known_failures,
            last_failed=last_failed,
            shard=shard,
            scenarios=tuple(scenario or ()),
            language=choose_language(lang),
        )
        _leave(run_conform(Party(role), sut, options))

    return run


@conform_app.command("list")
def conform_list(
    role: Annotated[str | None, typer.Argument(help="grid、urban 或 bridge;不给则全部。All without it.")] = None,
    only: OnlyOption = None,
    skip: SkipOption = None,
    json: Annotated[bool, typer.Option("--json", help="每项一行 JSON。One JSON line per check.")] = False,
    lang: LanguageOption = None,
) -> None:
    """列出检查而不运行。List checks without running them."""
    from duijie.checks import list_checks

    _leave(list_checks(role, tuple(only or ()), tuple(skip or ()), as_json=json, language=choose_language(lang)))


@conform_app.command("explain")
def conform_explain(
    check: Annotated[str, typer.Argument(help="检查编号,如 RCPT-3-04/urban。Id of a check.")],
    yaml: Annotated[
        bool,
        typer.Option(
            "--yaml", help="输出其场景文件,可保存后用 duijie replay 重放。Print its scenario file, for `duijie replay`."
        ),
    ] = False,
    lang: LanguageOption = None,
) -> None:
    """说明一项检查:做什么、应当怎样、依据、如何改正。What a check does, what must come of it, why, how to fix."""
    from duijie.checks import explain_check

    _leave(explain_check(check, choose_language(lang), as_scenario=yaml))


@conform_app.command("init")
def conform_init(
    file: Annotated[Path, typer.Argument(help="要写的文件。File to write.")] = Path("sut.toml"),
    role: Annotated[str | None, typer.Option("--role", help="grid、urban 或 bridge。Which of them it is.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="系统名称。Name of the system.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="系统版本。Version of the system.")] = None,
    vendor: Annotated[str | None, typer.Option("--vendor", help="厂商。Who makes it.")] = None,
    driver: Annotated[
        str | None,
        typer.Option("--driver", help="control、command、plugin、person 或 builtin。How it is made to act."),
    ] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="控制接口的地址。Address of the control API.", metavar="URL")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", help="控制接口的令牌,宜写 ${环境变量名}。Its token, best as ${NAME_OF_A_VARIABLE}."),
    ] = None,
    command: Annotated[
        str | None, typer.Option("--command", help="驱动程序的命令行。Command line of the driver.")
    ] = None,
    plugin: Annotated[
        str | None, typer.Option("--plugin", help="插件名或 module:factory。Plug-in, or module:factory.")
    ] = None,
    own_endpoint: Annotated[
        str | None, typer.Option("--own-endpoint", help="系统的服务地址。Where the system listens.", metavar="URL")
    ] = None,
    suite_host: Annotated[
        str | None, typer.Option("--suite-host", help="套件监听的主机名。Host at which the suite listens.")
    ] = None,
    suite_port: Annotated[
        list[int] | None,
        typer.Option(
            "--suite-port",
            min=1,
            max=65535,
            help="套件监听的端口;评判对接桥时给两个,先 grid 后 urban。Its port; two for a bridge, grid first.",
        ),
    ] = None,
    grid_code: Annotated[
        str | None, typer.Option("--grid-code", help="网格平台的代码。Party code of the grid platform.")
    ] = None,
    grid_username: Annotated[str | None, typer.Option("--grid-username", help="网格平台的账号。Its account.")] = None,
    grid_password: Annotated[
        str | None, typer.Option("--grid-password", help="其口令,宜写 ${环境变量名}。Its password, best as ${NAME}.")
    ] = None,
    urban_code: Annotated[
        str | None, typer.Option("--urban-code", help="城管平台的代码。Party code of the urban platform.")
    ] = None,
    urban_username: Annotated[str | None, typer.Option("--urban-username", help="城管平台的账号。Its account.")] = None,
    urban_password: Annotated[
        str | None, typer.Option("--urban-password", help="其口令,宜写 ${环境变量名}。Its password, best as ${NAME}.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="覆盖已有的文件。Write over a file that is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="未给的取默认值,不询问。Take defaults, ask nothing.")] = False,
    lang: LanguageOption = None,
) -> None:
    """询问角色和基本情况,写出描述被测系统的一个文件。Ask what the system is and write its one file."""
    from bridge.vocabulary.parties import Side
    from duijie.new_sut import Given, run_init

    given = Given(
        role=role,
        name=name,
        version=version,
        vendor=vendor,
        driver=driver,
        address=address,
        token=token,
        command=command,
        plugin=plugin,
        own_endpoint=own_endpoint,
        suite_host=suite_host,
        suite_ports=tuple(suite_port or ()),
        codes={Side.GRID: grid_code, Side.URBAN: urban_code},
        usernames={Side.GRID: grid_username, Side.URBAN: urban_username},
        passwords={Side.GRID: grid_password, Side.URBAN: urban_password},
        force=force,
        yes=yes,
    )
    _leave(run_init(file, given, choose_language(lang)))


@conform_app.command("doctor")
def conform_doctor(
    role: Annotated[
        str, typer.Argument(help="grid、urban 或 bridge。Which of the three the system is.", metavar="ROLE")
    ],
    sut: Annotated[str, typer.Option("--sut", help="被测系统的描述文件。The system's file.")],
    seed: Annotated[
        int | None, typer.Option("--seed", help="其号段将被查看的种子;默认随机。Whose case numbers are looked for.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="每项一行 JSON。One JSON line per finding.")] = False,
    lang: LanguageOption = None,
) -> None:
    """运行前检视配置、地址、接口、账号和时钟;每次评判也先做这一步。Look at the set-up; every run begins with it too."""
    from duijie.doctor import run_doctor

    _leave(run_doctor(role, sut, seed=seed, as_json=json, language=choose_language(lang)))


conform_app.command("grid", help="评判网格平台。Judge a grid platform.")(_conform("grid"))
conform_app.command("urban", help="评判数字城管平台。Judge an urban-management platform.")(_conform("urban"))
conform_app.command("bridge", help="评判对接桥。Judge a bridge.")(_conform("bridge"))


@bundle_app.command("verify")
def bundle_verify(
    file: Annotated[Path, typer.Argument(help="证据包。The bundle.", metavar="FILE")],
    key: Annotated[
        Path | None,
        typer.Option("--key", help="必须由此公钥(PEM)对应的密钥签名。Must be signed with the key of this public key."),
    ] = None,
    rejudge: Annotated[
        bool, typer.Option("--rejudge", help="重新评判其中的全部轨迹。Judge all traces in it again.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON。Write JSON.")] = False,
    lang: LanguageOption = None,
) -> None:
    """核验证据包:摘要、签名、数量。Verify a bundle: hashes, signature, counts."""
    from duijie.bundle import run_verify

    _leave(run_verify(file, key=key, rejudge=rejudge, as_json=json, language=choose_language(lang)))


@bundle_app.command("diff")
def bundle_diff(
    earlier: Annotated[
        Path,
        typer.Argument(
            help="先前的证据包、results.json 或报告目录。The earlier bundle, results.json or folder.", metavar="A"
        ),
    ],
    later: Annotated[Path, typer.Argument(help="后来的。The later one.", metavar="B")],
    json: Annotated[bool, typer.Option("--json", help="输出 JSON。Write JSON.")] = False,
    lang: LanguageOption = None,
) -> None:
    """比较两次运行:哪些检查变好、变差、新增、不再有。Compare two runs: what was fixed, broken, new, gone."""
    from duijie.bundle import run_diff

    _leave(run_diff(earlier, later, as_json=json, language=choose_language(lang)))


@bundle_app.command("keygen")
def bundle_keygen(
    file: Annotated[
        Path,
        typer.Argument(
            help="私钥文件;公钥写到同名加 .pub。The private key; the public one gets .pub behind its name.",
            metavar="FILE",
        ),
    ],
    lang: LanguageOption = None,
) -> None:
    """生成签名用的密钥对(Ed25519)。Make a key pair for signing."""
    from duijie.bundle import run_keygen

    _leave(run_keygen(file, choose_language(lang)))


BridgeControlOption = Annotated[
    str,
    typer.Option(
        "--control",
        envvar="DUIJIE_CONTROL",
        show_envvar=False,
        help="对接桥控制端口的地址,或用环境变量 DUIJIE_CONTROL。Address of the bridge's control port, or DUIJIE_CONTROL.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="DUIJIE_CONTROL_TOKEN",
        show_envvar=False,
        help="控制端口的令牌;写在环境变量 DUIJIE_CONTROL_TOKEN 里旁人看不到。Its token; in DUIJIE_CONTROL_TOKEN nobody else sees it.",
    ),
]
StateOption = Annotated[
    str | None, typer.Option("--state", help="只看此状态,如 parked、in_doubt。Only in this state, such as parked.")
]
PlatformOption = Annotated[
    str | None, typer.Option("--platform", help="只看发往 grid 或 urban 的。Only for the platform grid or urban.")
]
CaseOption = Annotated[str | None, typer.Option("--case", help="只看此案卷。Only of this case.")]
FormTypeOption = Annotated[str | None, typer.Option("--type", help="只看此类表单,如 dispatch。Only of this form type.")]
AgeOption = Annotated[
    str | None,
    typer.Option("--older-than", help="只看受理已久于此的,如 30m、2h、1d。Only admitted longer ago, such as 30m."),
]
RowsOption = Annotated[bool, typer.Option("--json", help="每项一行 JSON。One JSON line per item.")]


@operator_app.command("list")
def operator_list(
    control: BridgeControlOption,
    token: TokenOption = None,
    state: StateOption = None,
    platform: PlatformOption = None,
    case: CaseOption = None,
    type: FormTypeOption = None,  # noqa: A002 - the word of the option
    older_than: AgeOption = None,
    json: RowsOption = False,
    lang: LanguageOption = None,
) -> None:
    """列出在途的表单:挂起的、存疑的、等待的,最久的在前。List the forms under way, the oldest first."""
    from duijie.operator import Chosen, Where, run_list

    chosen = Chosen(state=state, platform=platform, case=case, type=type, older_than=older_than)
    _leave(run_list(Where(address=control, token=token, json=json, language=choose_language(lang)), chosen))


@operator_app.command("show")
def operator_show(
    named: Annotated[str, typer.Argument(help="报文标识或案卷号。Message id, or case number.", metavar="MESSAGE|CASE")],
    control: BridgeControlOption,
    token: TokenOption = None,
    json: RowsOption = False,
    lang: LanguageOption = None,
) -> None:
    """显示一份表单或一件案卷的全部经过。Show one form, or all of a case, with all that was written of it."""
    from duijie.operator import Where, run_show

    _leave(run_show(Where(address=control, token=token, json=json, language=choose_language(lang)), named))


def _operator(act: str) -> Callable[..., None]:
    def run(
        control: BridgeControlOption,
        by: Annotated[str, typer.Option("--by", help="谁在操作。Who acts.")],
        reason: Annotated[str, typer.Option("--reason", help="为什么。Why.")],
        messages: Annotated[
            list[str] | None,
            typer.Argument(help="报文标识;不给则按条件选。Message ids, or filters.", metavar="MESSAGE…"),
        ] = None,
        token: TokenOption = None,
        state: StateOption = None,
        platform: PlatformOption = None,
        case: CaseOption = None,
        type: FormTypeOption = None,  # noqa: A002 - the word of the option
        older_than: AgeOption = None,
        yes: Annotated[bool, typer.Option("--yes", help="按条件选时不再确认。Do not ask before many at once.")] = False,
        json: RowsOption = False,
        lang: LanguageOption = None,
    ) -> None:
        from duijie.operator import Chosen, Where, run_act

        chosen = Chosen(
            messages=tuple(messages or ()),
            state=state,
            platform=platform,
            case=case,
            type=type,
            older_than=older_than,
        )
        where = Where(address=control, token=token, json=json, language=choose_language(lang))
        _leave(
            run_act(where, act, chosen, by=by, reason=reason, sure=lambda asked: yes or _is_sure(asked, where.language))
        )

    return run


def _is_sure(question: str, language: Language) -> bool:
    if not sys.stdin.isatty():
        raise UserMistake("没有人可问,请加 --yes", "there is nobody to ask; add --yes")
    typer.echo(f"{question} [{say(language, '是 y / 否 N', 'y/N')}] ", nl=False, err=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "是")


operator_app.command("park", help="挂起在途的表单。Stop forms that are under way.")(_operator("park"))
operator_app.command("release", help="放行挂起的表单,标识不变。Let parked forms go on under the same id.")(
    _operator("release")
)
operator_app.command("resend", help="让等待中的表单立即重发,标识不变。Send waiting forms now under the same id.")(
    _operator("resend")
)
operator_app.command("abandon", help="终止挂起的表单,并告知发送方。End parked forms; their senders are told.")(
    _operator("abandon")
)


@operator_app.command("receipts")
def operator_receipts(
    control: BridgeControlOption,
    token: TokenOption = None,
    case: CaseOption = None,
    json: RowsOption = False,
    lang: LanguageOption = None,
) -> None:
    """列出未生效的回执及其原因。List the receipts that changed nothing, with the reason of each."""
    from duijie.operator import Where, run_receipts

    _leave(run_receipts(Where(address=control, token=token, json=json, language=choose_language(lang)), case))


@operator_app.command("audit")
def operator_audit(
    control: BridgeControlOption,
    token: TokenOption = None,
    json: RowsOption = False,
    lang: LanguageOption = None,
) -> None:
    """列出每一次人工操作,并验封签。List everything that people did, and verify the seals."""
    from duijie.operator import Where, run_audit

    _leave(run_audit(Where(address=control, token=token, json=json, language=choose_language(lang))))


@app.command()
def network(
    line: Annotated[
        list[str],
        typer.Option(
            "--line",
            help="监听处=转往处,如 9001=http://127.0.0.1:8100/urban;可多次。Listen here, pass on to there; repeatable.",
        ),
    ],
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule", help='如 "lose: receipt of dispatch #2";可多次。A fault in the words of scenarios; repeatable.'
        ),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="写有 network.… 步骤的 YAML 文件。YAML file of network.… steps.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="噪声的种子,代替规则中的。Seed of the noise.")] = None,
    trace: Annotated[
        Path | None, typer.Option("--trace", help="把报文轨迹(JSON 行)写到此文件。Write the trace (JSON lines) here.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="不逐条显示报文。Do not tell each message.")] = False,
    lang: LanguageOption = None,
) -> None:
    """在真实平台之间制造网络故障并记录报文,直到 Ctrl-C。Stand between real platforms, record, and misbehave as told."""
    from duijie.network import NetworkOptions, run_network

    _leave(
        run_network(
            NetworkOptions(
                lines=tuple(line),
                rules=tuple(rule or ()),
                rules_file=rules,
                seed=seed,
                trace=trace,
                quiet=quiet,
                language=choose_language(lang),
            )
        )
    )


@contract_app.command("export")
def contract_export(
    directory: Annotated[Path, typer.Argument(help="目标目录。Target folder.")], lang: LanguageOption = None
) -> None:
    """导出 WSDL、XSD 和样例报文。Export WSDL, XSD and sample envelopes."""
    from duijie.contract_export import export

    language = choose_language(lang)
    try:
        written = export(directory)
    except OSError as error:
        raise UserMistake.unwritable(directory, error) from error
    typer.echo(
        say(language, f"已写出 {len(written)} 个文件:{directory}", f"{len(written)} files written to {directory}")
    )


@profile_app.command("check")
def profile_check(
    file: Annotated[Path, typer.Argument(help="对接配置文件。Profile file.")], lang: LanguageOption = None
) -> None:
    """检查对接配置;错误带文件名和行号。Check a profile; errors come with file and line."""
    from duijie.profiles_io import read_profile

    profile = read_profile(file)
    typer.echo(say(choose_language(lang), f"配置可用:{profile.name}", f"the profile is usable: {profile.name}"))


@profile_app.command("new")
def profile_new(
    file: Annotated[Path, typer.Argument(help="要写的文件。File to write.")], lang: LanguageOption = None
) -> None:
    """写一份带注释的配置样例。Write a commented example profile."""
    from duijie.profiles_io import write_example

    write_example(file)
    typer.echo(say(choose_language(lang), f"已写出 {file}", f"{file} written"))


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"duijie {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="版本。Version.")
    ] = False,
) -> None:
    pass


def _leave(code: Exit) -> None:
    raise typer.Exit(int(code))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and give the exit code (`duijie.exits`); never a stack trace for a user's mistake."""
    for stream in (sys.stdout, sys.stderr):
        # Not every code page has the signs of the timeline; a question mark in their place is better than an end.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    language = choose_language(_language_asked(sys.argv[1:] if arguments is None else arguments))
    try:
        result = app(args=arguments, standalone_mode=False)
    except UserMistake as mistake:
        typer.echo(mistake.text(language), err=True)
        return int(Exit.CONFIGURATION)
    except WrongUsage as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            # Its message is the help itself.
            typer.echo(_sentence(error), err=True)
            return int(Exit.CONFIGURATION)
        typer.echo(f"{say(language, '命令用法有误', 'wrong usage')}: {_sentence(error)}", err=True)
        return int(Exit.CONFIGURATION)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo(say(language, "已中断", "interrupted"), err=True)
        return int(Exit.INTERRUPTED)
    except SystemExit:
        # How the libraries below leave when the reader, such as `head`, has seen enough. That is no failed expectation.
        _nobody_reads()
        return int(Exit.INTERRUPTED)
    except Exception:
        traceback.print_exc()
        typer.echo(
            say(language, "duijie 自身出错,以上是出错位置", "duijie itself broke; where, stands above"), err=True
        )
        return int(Exit.INTERNAL)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _nobody_reads()
        return int(Exit.INTERRUPTED)
    return int(result or 0)


def _nobody_reads() -> None:
    """Let what is still buffered go nowhere, or the interpreter would stumble over it on its way out."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _sentence(error: Exception) -> str:
    said = getattr(error, "format_message", None)
    return str(said() if said is not None else error)


def _language_asked(arguments: list[str]) -> str | None:
    """`--lang` read ahead of the parser, so that usage errors speak the right language too."""
    for position, argument in enumerate(arguments):
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
        if argument == "--lang" and position + 1 < len(arguments):
            return arguments[position + 1]
    return None
