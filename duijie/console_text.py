"""Which language people see: `--lang`, then DUIJIE_LANG, then the machine's locale, else Chinese."""

import errno
import os
from typing import Literal

Language = Literal["zh", "en"]


def choose_language(asked: str | None) -> Language:
    """`zh` or `en`. Most users read Chinese, so anything but an English locale means Chinese."""
    for hint in (asked, os.environ.get("DUIJIE_LANG"), os.environ.get("LC_ALL"), os.environ.get("LANG")):
        if hint and hint.lower().startswith("en"):
            return "en"
        if hint and hint.lower().startswith("zh"):
            return "zh"
    return "zh"


def reason(error: OSError, language: Language) -> str:
    """Why the operating system refused, in the chosen language where the reason is a common one."""
    zh = {
        errno.ENOENT: "没有这个目录或文件",
        errno.ENOTDIR: "路径中有一段不是目录",
        errno.EISDIR: "这是一个目录",
        errno.EEXIST: "已有同名文件",
        errno.EACCES: "没有权限",
        errno.EPERM: "没有权限",
        errno.EROFS: "文件系统只读",
        errno.ENOSPC: "磁盘已满",
        errno.EADDRINUSE: "端口已被占用",
        errno.EADDRNOTAVAIL: "不是本机的地址",
        errno.ECONNREFUSED: "没有程序在此监听",
        errno.EHOSTUNREACH: "主机不可达",
    }
    said = error.strerror or str(error)
    return say(language, zh.get(error.errno or 0, said), said)


def say(language: Language, zh: str, en: str) -> str:
    """The sentence in the chosen language."""
    return zh if language == "zh" else en
