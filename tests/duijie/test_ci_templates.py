"""The templates for build servers do what they say: their own commands are run here, as far as a shell alone can."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from bridge.vocabulary.parties import Party
from conformance.checks.catalogue import checks, chosen

ROOT = Path(__file__).parents[2]
CI = ROOT / "examples" / "ci"
SHARDS = ("1", "2", "3")

#: A check that passes and is listed as known: the share that has it must end red, the others green.
KNOWN = "- {check: INT-6-01/urban, reason: defect 42, owner: Wang, until: 2999-01-01}\n"
OURS = {"DUIJIE_SUT": "builtin-virtual", "DUIJIE_OPTIONS": "--only INT-6", "DUIJIE_LANG": "en"}


@dataclass
class Step:
    """Commands for one shell. `when` is `success`, `failure` or `always`; `needs` a pattern of files that must be there."""

    commands: str
    when: str = "success"
    needs: str = ""


@dataclass
class Job:
    """One share, as a build server would run it."""

    env: dict[str, str]
    steps: list[Step]
    #: Patterns of files that must be there afterwards.
    kept: list[str] = field(default_factory=list)


def github() -> Iterator[Job]:
    told = yaml.safe_load((CI / "github-actions.yml").read_text(encoding="utf-8"))
    (job,) = told["jobs"].values()
    for shard in job["strategy"]["matrix"]["shard"]:

        def filled(text: str, shard: int = shard) -> str:
            return text.replace("${{ matrix.shard }}", str(shard))

        env = {name: filled(str(value)) for name, value in (told["env"] | job["env"]).items()}
        steps, kept = [], []
        for step in job["steps"]:
            condition = step.get("if", "success()")
            when = re.match(r"(success|failure|always)\(\)", condition)
            assert when is not None, condition
            needed = re.search(r"hashFiles\('(.*?)'\) != ''", condition)
            if "run" in step:
                steps.append(Step(filled(step["run"]), when[1], needed[1] if needed else ""))
            elif step["uses"].startswith("actions/upload-artifact@"):
                kept.append(step["with"]["path"])
        yield Job(env | {"GITHUB_STEP_SUMMARY": "step-summary.md"}, steps, [*kept, "step-summary.md"])


def gitlab() -> Iterator[Job]:
    told = yaml.safe_load((CI / "gitlab-ci.yml").read_text(encoding="utf-8"))
    job = told["conform"]
    for number in range(1, job["parallel"] + 1):
        env = told["variables"] | {"CI_NODE_INDEX": str(number), "CI_NODE_TOTAL": str(job["parallel"])}
        steps = [Step("\n".join(job["script"])), Step("\n".join(job["after_script"]), "always")]
        yield Job(env, steps, [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]])


def jenkins() -> Iterator[Job]:
    text = (CI / "Jenkinsfile").read_text(encoding="utf-8")
    env = dict(re.findall(r"^ +(DUIJIE_\w+) = '(.*?)'", text, re.MULTILINE))
    (axis,) = re.findall(r"name '(\w+)'\s+values (.*)", text)
    before, after = text.split("post {")
    steps = [Step(command) for command in shells(before)] + [Step(command, "failure") for command in shells(after)]
    kept = list(re.findall(r"(?:testResults|artifacts): '(.*?)'", after))
    for value in re.findall(r"'(.*?)'", axis[1]):
        yield Job(env | {axis[0]: value}, steps, kept)


def shells(text: str) -> list[str]:
    """The `sh` steps of a Jenkinsfile; in Groovy a backslash at the end of a line joins it with the next one."""
    found = re.findall(r"\bsh '''(.*?)'''|\bsh '([^'\n]+)'", text, re.DOTALL)
    return [(long or short).replace("\\\n", "") for long, short in found]


def run(job: Job, folder: Path) -> list[int]:
    """Run the steps as the server would; gives how each that was run ended."""
    (folder / "known.yaml").write_text(KNOWN, encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    codes: list[int] = []
    for step in job.steps:
        failed = any(codes)
        if step.when not in ("always", "failure" if failed else "success"):
            continue
        if step.needs and not any(folder.glob(step.needs)):
            continue
        env = os.environ | job.env | OURS | {"PATH": path, "CI_JOB_STATUS": "failed" if failed else "success"}
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step.commands], cwd=folder, env=env, capture_output=True, text=True
        )
        assert done.returncode in (0, 1), f"{step.commands}\n{done.stdout}\n{done.stderr}"
        codes.append(done.returncode)
    return codes


@pytest.mark.templates
@pytest.mark.parametrize("template", [github, gitlab, jenkins])
def test_the_commands_of_a_template_judge_every_check_in_shares_and_leave_what_it_keeps(template, tmp_path):
    jobs = list(template())
    assert len(jobs) == len(SHARDS)
    seen: list[str] = []
    red = []
    for shard, job in zip(SHARDS, jobs, strict=True):
        folder = tmp_path / shard
        folder.mkdir()
        codes = run(job, folder)
        report = json.loads((folder / f"out/shard-{shard}/results.json").read_text(encoding="utf-8"))
        seen += [each["id"] for each in report["results"]]
        again = (folder / f"out/again-{shard}/results.json").exists()
        assert any(codes) is again
        red += [shard] if again else []
        assert job.kept
        for pattern in job.kept:
            assert list(folder.glob(pattern.rstrip("/"))), pattern
        for name in ("report.html", "junit.xml", "summary.md"):
            assert (folder / f"out/shard-{shard}" / name).is_file()
    wanted = chosen(checks(ROOT / "scenarios", Party.URBAN), ["INT-6"])
    assert sorted(seen) == [check.id for check in wanted]
    # The entry that is gone turns the share red that has its check.
    assert len(red) == 1


def test_the_templates_speak_of_the_same_variables():
    names = [set(next(template()).env) for template in (github, gitlab, jenkins)]
    ours = [{name for name in each if name.startswith("DUIJIE_") and name != "DUIJIE_SHARD"} for each in names]
    assert ours[0] == ours[1] == ours[2]


def test_the_summary_of_a_run_is_shown_on_github():
    (step,) = [step for step in next(github()).steps if "GITHUB_STEP_SUMMARY" in step.commands]
    assert step.when == "always"
