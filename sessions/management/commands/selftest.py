"""`manage.py selftest`: create, update, persist, resume after a restart, merge, on the live configuration."""

from typing import Any

from sessions.actions.selftest import SelfTest, SelfTestFailed
from sessions.errors import SessionsiteError
from sessions.management.base import StoreCommand


class Command(StoreCommand):
    help = (
        "Walk a scratch session through create, update, persist, resume after a restart and merge, on the live "
        "configuration; leaves nothing behind. Exit 1 at the first broken promise."
    )

    def run(self, *, json: bool, **options: Any) -> int:
        test = SelfTest(self.actor)
        results: list[dict[str, str]] = []
        try:
            for name, walk in test.steps():
                results.append({"step": name, "result": walk()})
                if not json:
                    self.say(f"✅ {name}: {results[-1]['result']}")
        except (SelfTestFailed, SessionsiteError) as error:
            self.tell({"passed": False, "steps": results, "error": str(error)}, as_json=json, text=f"❌ {error}")
            return 1
        finally:
            test.clear()
        self.tell({"passed": True, "steps": results}, as_json=json, text="All five steps passed; nothing left behind.")
        return 0
