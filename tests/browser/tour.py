"""Takes the pictures of the tour: `python tests/browser/tour.py docs/tour`."""

import io
import sys
from pathlib import Path

from hand import SIZES, Hand, browser, pair
from PIL import Image
from playwright.sync_api import Page

#: Colours of a picture: pages of one design need no more, and the repository stays small.
COLOURS = 96


def shot(page: Page) -> Image.Image:
    """What the window shows."""
    page.wait_for_load_state("networkidle")
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def save(shown: Image.Image, path: Path) -> None:
    """Write a picture small."""
    shown.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def picture(page: Page, path: Path) -> None:
    """Keep what the window shows."""
    save(shot(page), path)


def side_by_side(shown: list[Image.Image], path: Path) -> None:
    """Keep several screens of a phone as one picture."""
    gap = 24
    whole = Image.new(
        "RGB", (sum(each.width + gap for each in shown) + gap, max(each.height for each in shown) + 2 * gap), "#d0d7de"
    )
    left = gap
    for each in shown:
        whole.paste(each, (left, gap))
        left += each.width + gap
    save(whole, path)


def main(folder: Path) -> int:
    """Walk through the console and take a picture at each station."""
    folder.mkdir(parents=True, exist_ok=True)
    with pair("--steered") as address, browser() as opened:
        phone = Hand(opened.new_context(viewport=SIZES["phone"], locale="zh-CN").new_page(), address)
        phone.open("/app/who")
        phone.page.locator(".people button").first.click()
        phone.open("/app/report")
        phone.page.select_option("#f-category", label="01 市容环境")
        phone.page.select_option("#f-subcategory", label="02 暴露垃圾")
        phone.page.fill("#f-description", "中山路人行道上有一堆暴露垃圾")
        phone.page.locator("h1").scroll_into_view_if_needed()
        report = shot(phone.page)
        phone.page.locator("[data-map]").scroll_into_view_if_needed()
        chart = shot(phone.page)
        page_of = opened.new_context(viewport=SIZES["desktop"], locale="zh-CN").new_page()
        desk = Hand(page_of, address)
        case = desk.report("中山路人行道上有一堆暴露垃圾")
        desk.walk(case, "department.dispose")
        desk.report("赭山公园门口违规户外广告")
        desk.open("/")
        picture(desk.page, folder / "overview.png")
        desk.open(f"/case/{case}")
        picture(desk.page, folder / "case.png")
        desk.walk(case, "worker.verify")
        phone.open("/app")
        tasks = shot(phone.page)
        phone.open(f"/app/verify/{case}")
        phone.page.locator("input[value=passed]").check()
        side_by_side([report, chart, tasks, shot(phone.page)], folder / "report.png")
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
