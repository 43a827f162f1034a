"""Messages to measure with: hand-overs of some thirty fields with one small photo."""

from datetime import datetime
from hashlib import sha256
from uuid import UUID

from bridge.vocabulary.codes import CaseGrade, CaseKind, CaseSource, CoordinateSystem, PhotoKind
from bridge.vocabulary.forms import Attachment, FormType, HandOver, Position
from bridge.vocabulary.messages import FormMessage, Header
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI

AT = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
_PHOTO = bytes(range(256)) * 8


def hand_over(number: int, profile: Profile) -> FormMessage:
    """The hand-over of the case with this number."""
    case_number = f"340202-20260302-{number:06}"
    form = HandOver(
        case_number=case_number,
        source=CaseSource.GRID_PLATFORM,
        kind=CaseKind.EVENT,
        category="01",
        subcategory="02",
        grade=CaseGrade.ORDINARY,
        description=f"中山路与北京路交口东侧人行道有一堆暴露垃圾,编号 {number}",
        address="中山路 1 号",
        district="340202",
        street="340202001",
        community="340202001001",
        cell="340202001001001",
        reported_at=AT,
        reporter_name="王小明",
        reporter_phone="13800000000",
        handed_over_at=AT,
        handed_over_by="virtual-340202",
        position=Position(x=118.37, y=31.33, system=CoordinateSystem.CGCS2000),
        attachments=(
            Attachment(
                name="roadside.png",
                media_type="image/png",
                size=len(_PHOTO),
                sha256=sha256(_PHOTO).hexdigest(),
                kind=PhotoKind.REPORT,
                content=_PHOTO,
            ),
        ),
    )
    header = Header(
        message_id=f"urn:uuid:{UUID(int=number + 1)}",
        sender=profile.grid.code,
        recipient=profile.urban.code,
        case_number=case_number,
        form_type=FormType.HAND_OVER,
        attempt=1,
        sent_at=AT,
    )
    return FormMessage(header=header, form=form)
