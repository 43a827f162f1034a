"""The console in a real browser, at the size of a phone and of a desk: what people do, by clicking alone."""

from pathlib import Path

import pytest
from PIL import Image

# One pair for all of them, on ports of its own.
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("pair")]

ROOT = Path(__file__).parents[2]
PAGES = (
    "/",
    "/act/worker.report",
    "/steering",
    "/scenarios?find=INT-8",
    "/suite",
    "/figures",
    "/bridge",
    "/message/3",
    "/sign-in",
    "/desk/grid/worker?account=worker-340202001001001",
    "/desk/urban/operator",
    "/no-such-page",
)
AT_A_DESK = pytest.mark.parametrize("size", ["desktop"], indirect=True)


def test_a_case_goes_through_both_platforms_by_clicking_through_all_roles(hand, tmp_path, size):
    photo = tmp_path / "roadside.jpg"
    Image.new("RGB", (2000, 1200), "olive").save(photo)
    case = hand.report(f"路边垃圾一堆({size})", photo)
    done = hand.walk(case, "none")
    assert {act.partition(".")[0] for act in done} >= {
        "workstation",
        "operator",
        "supervision",
        "district",
        "department",
        "worker",
    }
    page = hand.page
    assert page.locator("section.side .state, section.side dd").get_by_text("已结案").count() >= 2
    shown = page.locator(".photos img")
    assert shown.count() >= 1
    shown.first.scroll_into_view_if_needed()
    page.wait_for_function("[...document.querySelectorAll('.photos img')].some(each => each.naturalWidth > 0)")
    assert hand.overflow() == 0


@AT_A_DESK
def test_the_fourth_rejection_brings_a_new_task_number(hand):
    case = hand.report("屡次不合格的垃圾")
    for _ in range(4):
        hand.walk(case, "worker.verify")
        hand.do(case, "worker.verify", outcome="not_passed", note="仍未清理", photos="again")
        hand.walk(case, "workstation.reject")
        if "workstation.reject" in hand.offered(case):
            hand.do(case, "workstation.reject", reason="仍未清理")
    hand.open(f"/case/{case}")
    text = hand.page.locator("section.side").first.inner_text()
    assert "第几次立案\n2" in text, text


@AT_A_DESK
def test_the_overview_says_how_much_waits_at_each_desk(hand):
    hand.report("等待受理的垃圾")
    hand.open("/")
    count = hand.page.locator('aside a[href="/desk/grid/dispatcher"] .count')
    count.wait_for()
    assert count.inner_text() != "0"


@AT_A_DESK
def test_a_duplicate_is_not_filed_and_names_the_first(hand):
    first = hand.report("两人都看见的垃圾")
    hand.do(first, "workstation.hand_over")
    second = hand.report("两人都看见的垃圾")
    hand.do(second, "workstation.hand_over")
    hand.open(f"/case/{second}")
    assert first in hand.page.locator("main").inner_text()
    assert "operator.file" not in hand.offered(second)


@AT_A_DESK
def test_a_receipt_that_was_lost_is_missed_at_the_bridge_and_the_form_sent_again(hand):
    page = hand.page
    case = hand.report("回执途中丢失的移交")
    hand.open("/steering")
    page.select_option("#fault", "lose")
    page.select_option("#of", "handOver")
    page.select_option("#what", "receipt")
    page.fill("#case", case)
    page.get_by_role("button", name="加上").click()
    page.get_by_role("heading", name="已吩咐").wait_for()
    hand.do(case, "workstation.hand_over")
    hand.open("/bridge")
    row = page.locator("tbody tr", has_text=case).first
    assert "等待回执" in row.inner_text()
    row.locator("[name=by]").fill("张工")
    row.locator("[name=reason]").fill("回执丢失,请再发一次")
    row.locator("[name=act]").select_option("bridge.resend")
    row.locator("button").click()
    page.locator("section[aria-labelledby=audit]").get_by_text("张工").wait_for()
    hand.open("/steering")
    page.get_by_role("button", name="10 分钟").click()
    page.wait_for_load_state()
    hand.open("/bridge")
    assert page.locator("form.decide").count() == 0
    hand.open(f"/case/{case}")
    sent = page.locator(".arrow.form.from2.to3", has_text="案卷移交")
    assert sent.count() == 2
    assert "operator.file" in hand.offered(case)


@AT_A_DESK
def test_a_party_that_was_cut_off_gets_what_was_parked_once_it_is_back(hand):
    page = hand.page
    case = hand.report("断线时的移交")
    hand.open("/steering")
    page.locator('form:has(input[value="urban"]):has(input[value="cut"]) button').click()
    hand.do(case, "workstation.hand_over")
    hand.open("/bridge")
    assert page.locator("tbody tr", has_text=case).count() >= 1
    hand.open("/steering")
    page.locator('form:has(input[value="urban"]):has(input[value="restore"]) button').click()
    page.get_by_role("button", name="10 分钟").click()
    page.wait_for_load_state()
    assert "operator.file" in hand.offered(case)


@AT_A_DESK
def test_a_scenario_is_stepped_and_what_was_done_by_hand_is_saved(hand, tmp_path):
    page = hand.page
    hand.open("/scenarios?find=the-first-case")
    page.locator('form[action="/scenarios/play"] button').first.click()
    page.get_by_role("button", name="下一步").click()
    page.locator("li.done").first.wait_for()
    assert page.locator("li.next").count() == 1
    page.get_by_role("button", name="走到最后").click()
    page.get_by_text("完成,全部如所写").wait_for()
    hand.open("/steering")
    with page.expect_download() as saved:
        page.get_by_role("link", name="下载").click()
    saved.value.save_as(tmp_path / "by-hand.yaml")
    assert (tmp_path / "by-hand.yaml").read_text(encoding="utf-8").count("- worker.report") >= 1


def test_the_language_is_switched_on_any_page(hand):
    hand.open("/bridge")
    hand.page.get_by_role("link", name="English").click()
    hand.page.get_by_role("heading", name="bridge", exact=False).first.wait_for()
    assert hand.page.locator("html").get_attribute("lang") == "en"
    assert hand.overflow() == 0
    hand.page.get_by_role("link", name="中文").click()
    assert hand.page.locator("html").get_attribute("lang") == "zh-CN"


def test_a_refused_act_is_told_in_the_platforms_words_and_nothing_typed_is_lost(hand):
    page = hand.page
    case = hand.report("还不能核查的垃圾")
    hand.open(f"/act/worker.verify?case={case}")
    hand.send(outcome="passed", note="写了很久的说明")
    assert page.locator("div.alarm").inner_text().startswith("未办成")
    assert page.input_value("[name=note]") == "写了很久的说明"


def test_what_was_typed_outlives_a_lost_connection(hand):
    page = hand.page
    hand.open("/act/worker.report")
    page.select_option("#f-category", "01")
    page.select_option("#f-subcategory", "02")
    page.fill("#f-description", "断线时写下的")
    page.context.set_offline(True)
    page.locator("form.act button").click()
    page.locator(".offline").wait_for()
    page.context.set_offline(False)
    page.reload()
    assert page.input_value("#f-description") == "断线时写下的"
    hand.complaints.clear()
    page.evaluate("localStorage.clear()")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_usable_by_keyboard_and_screen_reader_and_fits_its_window(hand, path):
    from axe_playwright_python.sync_playwright import Axe

    hand.open(path)
    found = Axe().run(hand.page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []
    assert hand.overflow() == 0
    hand.complaints = [each for each in hand.complaints if "404" not in each]
