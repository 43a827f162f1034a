"""What a vendor receives is complete and works where it was put."""

import pytest
import zeep

import contracts
from duijie.contract_export import export


def test_the_folder_holds_contract_samples_and_a_readme_in_both_languages(tmp_path):
    target = tmp_path / "给厂商" / "contract 1.0"
    written = export(target)
    assert sorted(written) == sorted(path for path in target.rglob("*") if path.is_file())
    assert {path.name for path in contracts.SAMPLES.glob("*.xml")} == {
        path.name for path in (target / "samples").iterdir()
    }
    for name in contracts.NAMES:
        assert contracts.path(name).read_bytes() == (target / name).read_bytes()
    readme = (target / "README.md").read_text(encoding="utf-8")
    assert all(name in readme for name in contracts.NAMES)
    assert "回执" in readme
    assert "receipt" in readme


@pytest.mark.parametrize("side", ["grid", "urban"])
def test_an_exported_wsdl_loads_by_itself(tmp_path, side):
    export(tmp_path)
    client = zeep.Client(str(tmp_path / f"{side}.wsdl"))
    assert sorted(client.service._operations) == ["DeliverForm", "DeliverReceipt", "QueryCases"]


def test_exporting_again_renews_the_same_files(tmp_path):
    assert export(tmp_path) == export(tmp_path)
