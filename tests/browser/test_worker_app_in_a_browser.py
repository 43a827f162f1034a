"""The worker app and the seats as people meet them: in Chromium, signed in one after the other, by clicking alone."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from running import Console, axe_faults, clean, overflows, window

from bridge.vocabulary.parties import Party

pytestmark = pytest.mark.browser

#: What each act of an ordinary case is answered with, by the label on its page.
ANSWERS = {"department.dispose": {"result": "已清理,恢复整洁"}}
#: From hand-over to the verification: role of the platform, act.
TO_VERIFICATION = (
    (Party.GRID, "dispatcher", "workstation.hand_over"),
    (Party.URBAN, "operator", "operator.file"),
    (Party.URBAN, "supervision", "supervision.dispatch"),
    (Party.URBAN, "district", "district.assign"),
    (Party.URBAN, "department", "department.dispose"),
)


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "现场.jpg"
    Image.new("RGB", (800, 600), "#7a8b6f").save(path, "JPEG")
    return str(path)


def report(page: Any, console: Console, photo: str | None = None, description: str = "中山路北口暴露垃圾") -> str:
    """Report as the worker of the first cell, by the app; the case's number."""
    page.goto(f"{console.base}/app/who")
    page.locator(".people button").first.click()
    page.wait_for_url("**/app")
    page.get_by_role("link", name="上报", exact=True).click()
    page.select_option("#f-category", label="01 市容环境")
    page.select_option("#f-subcategory", label="02 暴露垃圾")
    page.fill("#f-description", description)
    if photo:
        page.set_input_files("#f-photos", photo)
    page.locator("form.act button").click()
    page.wait_for_url("**/case/*")
    return str(page.url).rsplit("/", 1)[1]


def sign_in(page: Any, console: Console, party: Party, role: str, case: str) -> None:
    """Sign in as whoever of this role the case lies with."""
    seat = {
        (Party.GRID, "dispatcher"): f"dispatcher-{console.ask(Party.GRID, 'case', case=case)['cell'][:12]}",
        (Party.URBAN, "district"): f"district-{case[:6]}",
        (Party.URBAN, "department"): f"department-CA-{case[:6]}",
    }.get((party, role), f"{role}-3402")
    page.goto(f"{console.base}/sign-in?find={seat}")
    page.locator(f'form:has(input[value="{party.value}"]):has(input[value="{seat}"]) button').click()
    page.wait_for_url(re.compile(r"/desk/"))


def act(page: Any, console: Console, case: str, name: str, **answers: str) -> None:
    """Open the case and do one act that it offers."""
    page.goto(f"{console.base}/case/{case}")
    page.locator(f'.now a[href^="/act/{name}?"]').click()
    page.wait_for_url(f"**/act/{name}*")
    for field, text in answers.items():
        page.fill(f"#f-{field}", text)
    if page.locator("#f-photo-names").count() and name == "department.dispose":
        page.fill("#f-photo-names", "处置后")
    page.locator("form.act button").last.click()
    page.wait_for_url(f"**/case/{case}")


def to_verification(page: Any, console: Console, case: str) -> None:
    for party, role, name in TO_VERIFICATION:
        sign_in(page, console, party, role, case)
        act(page, console, case, name, **ANSWERS.get(name, {}))


def verify(page: Any, console: Console, case: str, outcome: str, photo: str | None = None) -> None:
    page.goto(f"{console.base}/app/who")
    page.locator(".people button").first.click()
    page.wait_for_url("**/app")
    page.locator(f'a[href="/app/verify/{case}"]').click()
    page.locator(f'input[value="{outcome}"]').check()
    page.fill("#f-note", "现场已核实")
    if photo:
        page.set_input_files("#f-photos", photo)
    page.locator("form.act button").click()
    page.wait_for_url(f"**/case/{case}")


@pytest.mark.parametrize("phone", [True, False], ids=["phone", "desktop"])
def test_a_case_lives_its_whole_life_by_clicks_through_every_role(
    opened: Any, console: Console, photo: str, phone: bool
) -> None:
    page = window(opened, console, phone=phone)
    another = photo.replace("现场", "核查")
    Image.new("RGB", (600, 800), "#b0a48f").save(another, "JPEG")
    case = report(page, console, photo)
    to_verification(page, console, case)
    verify(page, console, case, "passed", another)
    assert not overflows(page)
    sign_in(page, console, Party.GRID, "dispatcher", case)
    act(page, console, case, "workstation.close")
    grid, urban = (console.ask(party, "case", case=case) for party in (Party.GRID, Party.URBAN))
    assert (grid["state"], urban["status"]) == ("closed", "closed")
    assert len(grid["photos"]) == 1
    page.goto(f"{console.base}/case/{case}")
    assert page.locator(".photos img").count() >= 3
    page.locator(".photos").scroll_into_view_if_needed()
    # Pictures are loaded once they are near.
    page.wait_for_function("[...document.querySelectorAll('.photos img')].every(each => each.naturalWidth > 0)")
    clean(page)


def test_the_fourth_rejection_files_the_case_again_under_a_new_task_number(phone: Any, console: Console) -> None:
    case = report(phone, console)
    to_verification(phone, console, case)
    first = console.ask(Party.GRID, "case", case=case)["task_number"]
    for turn in range(4):
        verify(phone, console, case, "dissatisfied")
        if turn < 3:
            console.act(Party.URBAN, "department.dispose", case=case, result="再次清理", photos=["again"])
    book = console.ask(Party.URBAN, "case", case=case)
    assert book["filing_ordinal"] == 2
    assert book["task_number"] != first
    phone.goto(f"{console.base}/case/{case}")
    assert str(book["task_number"]) in phone.content()
    clean(phone)


def test_a_lost_receipt_is_found_at_the_bridge_and_its_form_sent_again(desktop: Any, console: Console) -> None:
    case = report(desktop, console)
    desktop.get_by_role("button", name="退出").click()
    desktop.goto(f"{console.base}/steering")
    desktop.select_option("#fault", "lose")
    desktop.select_option("#of", "handOver")
    desktop.select_option("#what", "receipt")
    desktop.locator("form.wide button").click()
    desktop.goto(f"{console.base}/case/{case}")
    desktop.locator('.now a[href^="/act/workstation.hand_over"]').click()
    desktop.locator("form.act button").last.click()
    desktop.wait_for_url(f"**/case/{case}")
    desktop.goto(f"{console.base}/bridge")
    row = desktop.locator("tr", has_text=case)
    assert row.count() == 1
    row.locator("input[name=by]").fill("王值守")
    row.locator("input[name=reason]").fill("回执丢失,重发")
    row.locator("select[name=act]").select_option("bridge.resend")
    row.get_by_role("button", name="办理").click()
    desktop.wait_for_function(f"!document.querySelector('tbody')?.innerText.includes('{case}')")
    desktop.wait_for_load_state()
    assert console.ask(Party.URBAN, "case", case=case)["status"] == "received"


def test_a_refused_act_says_why_and_keeps_what_was_typed(phone: Any, console: Console) -> None:
    case = report(phone, console)
    sign_in(phone, console, Party.URBAN, "operator", case)
    phone.goto(f"{console.base}/act/dispatcher.accept?case={case}")
    phone.fill("#f-level", "community")
    phone.locator("form.act button").last.click()
    phone.locator("[role=alert]").wait_for()
    assert "operator-3402" in phone.locator("[role=alert]").inner_text()
    assert phone.input_value("#f-level") == "community"
    assert console.ask(Party.GRID, "case", case=case)["state"] == "reported"


def test_what_was_typed_outlives_a_lost_connection_and_is_done_once(phone: Any, console: Console) -> None:
    phone.goto(f"{console.base}/app/who")
    phone.locator(".people button").first.click()
    phone.wait_for_url("**/app")
    phone.goto(f"{console.base}/app/report")
    phone.select_option("#f-category", label="01 市容环境")
    phone.select_option("#f-subcategory", label="02 暴露垃圾")
    phone.fill("#f-description", "断网时写的")
    phone.reload()
    assert phone.input_value("#f-description") == "断网时写的"
    assert phone.input_value("#f-subcategory") == "02"

    # The platform gets it, and the answer is lost on the way back.
    lost = []

    def lose(route: Any) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch(max_redirects=0).status)
            route.abort()
        else:
            route.continue_()

    phone.route("**/app/report", lose)
    phone.locator("form.act button").click()
    phone.locator(".offline").wait_for()
    phone.wait_for_url("**/case/*")
    assert lost == [302]
    assert len(console.ask(Party.GRID, "cases")) == 1
    phone.goto(f"{console.base}/app/report")
    assert phone.input_value("#f-description") == ""


def test_a_cell_is_chosen_by_a_touch_on_the_map_and_every_target_fits_a_thumb(phone: Any, console: Console) -> None:
    phone.goto(f"{console.base}/app/who")
    phone.locator(".people button").first.click()
    phone.wait_for_url("**/app")
    for screen in ("/app", "/app/report", "/app/cases", "/app/cell"):
        phone.goto(console.base + screen)
        small = phone.evaluate(
            """() => [...document.querySelectorAll('main button, main a, main select, main summary, main rect,'
                 + ' main input:not([type=hidden]), .tabs a, header button')]
                 .filter(each => each.checkVisibility() && Math.min(each.getBoundingClientRect().height,
                    each.tagName === 'rect' ? each.getBoundingClientRect().width : 99) < 43.5)
                 .map(each => each.outerHTML.slice(0, 90))"""
        )
        assert small == [], screen
        assert not overflows(phone)
    phone.goto(f"{console.base}/app/report")
    spot = phone.locator("rect").nth(3)
    spot.tap()
    assert phone.input_value("#f-cell") == spot.get_attribute("data-cell")


def test_every_screen_is_clean_for_assistive_technology(opened: Any, console: Console) -> None:
    page = window(opened, console, phone=False)
    case = report(page, console)
    screens = ["/app", "/app/report", "/app/cases", "/app/cell", f"/app/verify/{case}"]
    faults = {screen: axe_faults(page, console.base + screen) for screen in screens}
    page.get_by_role("button", name="退出").click()
    for screen in ("/app/who", "/desk/grid/dispatcher", f"/case/{case}", f"/act/dispatcher.accept?case={case}"):
        faults[screen] = axe_faults(page, console.base + screen)
    assert {screen: found for screen, found in faults.items() if found} == {}
    clean(page)


def test_a_case_is_taken_on_with_the_keyboard_alone(desktop: Any, console: Console) -> None:
    case = report(desktop, console)
    sign_in(desktop, console, Party.GRID, "dispatcher", case)
    desktop.goto(f"{console.base}/case/{case}")
    for _ in range(40):
        desktop.keyboard.press("Tab")
        if "workstation.hand_over" in (desktop.evaluate("document.activeElement.getAttribute('href')") or ""):
            break
    desktop.keyboard.press("Enter")
    desktop.wait_for_url("**/act/workstation.hand_over*")
    desktop.locator("form.act button").focus()
    desktop.keyboard.press("Enter")
    desktop.wait_for_url(f"**/case/{case}")
    assert console.ask(Party.URBAN, "case", case=case)["status"] == "received"


def test_photos_are_written_anew_without_what_the_camera_wrote_beside_them(
    phone: Any, console: Console, tmp_path: Path
) -> None:
    path = tmp_path / "家.jpg"
    image = Image.new("RGB", (2400, 1800), "#334455")
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    image.save(path, "JPEG", exif=exif)
    case = report(phone, console, str(path))
    (kept,) = console.ask(Party.GRID, "case", case=case)["photos"]
    answer = phone.request.get(f"{console.base}/photo/grid/{case}/{kept['sha256']}")
    assert b"where I live" not in answer.body()
    assert max(Image.open(io.BytesIO(answer.body())).size) <= 1600
