"""What readers may do with a message that can be read, though the contract would have it written otherwise.

Old stacks write all of these. A reader takes them by default, because none leaves two readings; a city or a vendor may ask to be
told (`choices.liberties`).
"""

from enum import StrEnum


class Liberties(StrEnum):
    """What becomes of a message that only a liberty makes readable."""

    #: 照常受理.
    TAKE = "take"
    #: 照常受理,并逐条记入日志.
    REPORT = "report"
    #: 严格模式:退回,并逐条列明.
    REFUSE = "refuse"


class Liberty(StrEnum):
    """One way in which a readable message is not as the contract writes it."""

    COMPRESSED = "compressed"
    CONTENT_TYPE = "content_type"
    MULTIPART = "multipart"
    OTHER_CHARSET = "other_charset"
    CHARSET_LABEL = "charset_label"
    LEADING_BLANKS = "leading_blanks"
    HALF_REFERENCES = "half_references"
    SOAP_ACTION = "soap_action"
    MOMENT_WITHOUT_ZONE = "moment_without_zone"
    MOMENT_SPELLING = "moment_spelling"


#: What was met, in Chinese and English.
SAID: dict[Liberty, tuple[str, str]] = {
    Liberty.COMPRESSED: ("报文经过压缩(Content-Encoding)", "the message is compressed (Content-Encoding)"),
    Liberty.CONTENT_TYPE: ("Content-Type 不是 text/xml", "the Content-Type is not text/xml"),
    Liberty.MULTIPART: (
        "附件以 multipart(MTOM)传送,不在报文之内",
        "the message comes in parts (MTOM), not as one document",
    ),
    Liberty.OTHER_CHARSET: ("字符集不是 UTF-8 或 UTF-16", "the character set is neither UTF-8 nor UTF-16"),
    Liberty.CHARSET_LABEL: (
        "所声明的字符集与字节不符,或未声明",
        "the bytes are not in the character set that is named, or none is named",
    ),
    Liberty.LEADING_BLANKS: ("XML 声明之前有空白", "there are blanks before the XML declaration"),
    Liberty.HALF_REFERENCES: (
        "以两个字符引用写一个生僻字",
        "a rare character is written as references to its two halves",
    ),
    Liberty.SOAP_ACTION: (
        "SOAPAction 缺失、未加引号或不是该操作的",
        "the SOAPAction is missing, not in quotes, or not that of the operation",
    ),
    Liberty.MOMENT_WITHOUT_ZONE: ("时间没有时区,按北京时间理解", "a moment has no zone and is read as Beijing time"),
    Liberty.MOMENT_SPELLING: ("时间不按 xs:dateTime 书写", "a moment is not spelled as xs:dateTime"),
}
