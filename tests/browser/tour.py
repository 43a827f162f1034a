"""Takes the pictures of the tour: `python tests/browser/tour.py docs/tour`."""

import io
import sys
from pathlib import Path

from hand import SIZES, Hand, browser, pair
from PIL import Image
from playwright.sync_api import Page

#: Colours of a picture: pages of one design need no more, and the repository stays small.
COLOURS = 96


def picture(page: Page, path: Path) -> None:
    """What the window shows."""
    page.wait_for_load_state("networkidle")
    with Image.open(io.BytesIO(page.screenshot())) as shown:
        shown.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def main(folder: Path) -> int:
    """Walk through the console and take a picture at each station."""
    folder.mkdir(parents=True, exist_ok=True)
    with pair("--steered") as address, browser() as opened:
        phone = Hand(opened.new_context(viewport=SIZES["phone"], locale="zh-CN").new_page(), address)
        phone.open("/act/worker.report")
        phone.page.select_option("#f-category", "01")
        phone.page.select_option("#f-subcategory", "02")
        phone.page.fill("#f-description", "中山路人行道上有一堆暴露垃圾")
        phone.page.locator("[data-map] rect").nth(9).dispatch_event("click")
        phone.page.locator("[data-map]").scroll_into_view_if_needed()
        picture(phone.page, folder / "report.png")
        page_of = opened.new_context(viewport=SIZES["desktop"], locale="zh-CN").new_page()
        desk = Hand(page_of, address)
        case = desk.report("中山路人行道上有一堆暴露垃圾")
        desk.walk(case, "department.dispose")
        desk.report("赭山公园门口违规户外广告")
        desk.open("/")
        picture(desk.page, folder / "overview.png")
        desk.open(f"/case/{case}")
        picture(desk.page, folder / "case.png")
        desk.walk(case, "none")
        desk.open("/steering")
        picture(desk.page, folder / "steering.png")
        desk.open("/scenarios?find=the-fourth-rejection-refiles")
        desk.page.locator('form[action="/scenarios/play"] button').first.click()
        for _ in range(4):
            desk.page.get_by_role("button", name="下一步").click()
            desk.page.wait_for_load_state()
        picture(desk.page, folder / "scenario.png")
        desk.open(f"/case/{case}")
        desk.page.locator("a.what").last.click()
        desk.page.wait_for_load_state()
        desk.page.locator("section[aria-labelledby=kin] a").first.click()
        desk.page.locator("#beside").scroll_into_view_if_needed()
        picture(desk.page, folder / "message.png")
        desk.open("/figures")
        picture(desk.page, folder / "figures.png")
        desk.open("/suite")
        desk.page.select_option("#role", "urban")
        desk.page.fill("#only", "RCPT-6 INT-8")
        desk.page.get_by_role("button", name="开始评判").click()
        desk.page.get_by_text("打开报告").wait_for(timeout=120_000)
        desk.page.locator("section h2").first.scroll_into_view_if_needed()
        picture(desk.page, folder / "conformance.png")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
