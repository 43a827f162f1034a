"""How a simulated platform says no to its own people, in Chinese and in English."""


class ActRefused(Exception):
    """A person tried something that the role, the level, the territory or the state of the case does not allow."""

    def __init__(self, code: str, message_zh: str, message_en: str):
        #: A short word for machines, such as `not_your_role`.
        self.code = code
        self.message_zh = message_zh
        self.message_en = message_en
        super().__init__(f"{code}: {message_en}")


class AskRefused(Exception):
    """A question about a platform's state that has no answer, such as one about a case it does not know."""

    def __init__(self, code: str, message_zh: str, message_en: str):
        self.code = code
        self.message_zh = message_zh
        self.message_en = message_en
        super().__init__(f"{code}: {message_en}")
