"""Codes as people call them."""

from duijie.console_text import Language, say
from duijie.figures.sections import Key, Level
from simulators.city.tables import Code, Division, Operator, Tables

#: What the columns that name a row are called.
HEADINGS: dict[Level, tuple[tuple[str, str], ...]] = {
    Level.TOTAL: (),
    Level.COMPANY: (("公司", "company"),),
    Level.DISTRICT: (("区", "district"),),
    Level.DEPARTMENT: (("区", "district"), ("部门", "department")),
    Level.CATEGORY: (("类型", "kind"), ("大类", "main category")),
    Level.SUBCATEGORY: (("类型", "kind"), ("大类", "main category"), ("小类", "sub category")),
    Level.SOURCE: (("问题来源", "source"),),
    Level.ORIGIN: (("来自", "origin"),),
}


class Names:
    """Codes in the chosen language; a code that is in no table stays as it is."""

    def __init__(self, tables: Tables, language: Language):
        self._tables = tables
        self.language = language
        self._companies = {row.company: say(language, row.zh, row.en) for row in tables.table(Operator).values()}

    def labels(self, level: Level, key: Key) -> tuple[str, ...]:
        """What a row is called, a label a column."""
        match level:
            case Level.TOTAL:
                return ()
            case Level.COMPANY:
                return (self.company(key[0]),)
            case Level.DISTRICT:
                return (self.division(key[0]),)
            case Level.DEPARTMENT:
                return self.division(key[0]), self.department(key[1])
            case Level.SOURCE:
                return (self.word("source", key[0]),)
            case Level.ORIGIN:
                return (self.origin(key[0]),)
            case Level.CATEGORY | Level.SUBCATEGORY:
                return (self.word("kind", key[0]), *self._categories(*key))

    def division(self, code: str) -> str:
        """A district's name."""
        row = self._tables.table(Division).get((code,))
        return self._none(code) if row is None else say(self.language, row.zh, row.en)

    def department(self, code: str) -> str:
        """A department by its trade and place, such as 镜湖区市容."""
        trade, _, place = code.partition("-")
        word = self._tables.word("industry", trade)
        if word is None or not place:
            return self._none(code)
        return f"{say(self.language, word.zh, word.en)} {code}"

    def company(self, code: str) -> str:
        """A company's name; empty is a case that nobody decided on yet."""
        return say(self.language, "尚未审核", "not decided on yet") if not code else self._companies.get(code, code)

    def origin(self, code: str) -> str:
        """Whether a case was handed over."""
        words = {"native": ("本平台", "native"), "transferred": ("网格移交", "handed over")}
        return say(self.language, *words[code]) if code in words else self._none(code)

    def word(self, table: str, word: str) -> str:
        """An entry of a code list."""
        row: Code | None = self._tables.word(table, word)
        return self._none(word) if row is None else say(self.language, row.zh, row.en)

    def category(self, kind: str, category: str, subcategory: str) -> str:
        """A sub category by name and code."""
        row = self._tables.subcategory(kind, category, subcategory)
        code = f"{category}{subcategory}"
        return code if row is None else f"{code} {say(self.language, row.zh, row.en)}"

    def _categories(self, kind: str, category: str, subcategory: str | None = None) -> tuple[str, ...]:
        main = self._tables.main_category(kind, category)
        told = self._none(category) if main is None else f"{category} {say(self.language, main.zh, main.en)}"
        return (told,) if subcategory is None else (told, self.category(kind, category, subcategory))

    def _none(self, code: str) -> str:
        return code or say(self.language, "未注明", "not said")
