"""`python -m bench` (`make bench`): the append measured, then every check at a size that takes minutes, not hours."""

import subprocess
import sys

PROGRAMS: tuple[tuple[str, ...], ...] = (
    ("append",),
    ("synccheck",),
    ("killtest", "--kills", "100"),
    ("contention", "--writers", "2", "--each", "1000"),
    ("races", "--cleanup", "200"),
    ("races", "--merge-kills", "50"),
    ("fuzz", "--cases", "2000"),
    ("fuzz_importers", "--inputs", "2000"),
    ("rest",),
    ("slow",),
    ("restkill", "--kills", "40"),
)


def main() -> int:
    failed = []
    for name, *arguments in PROGRAMS:
        print(f"--- {' '.join([name, *arguments])}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}", *arguments], check=False).returncode:
            failed.append(name)
    print(f"Missed or failed: {', '.join(failed)}" if failed else "All as promised.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
