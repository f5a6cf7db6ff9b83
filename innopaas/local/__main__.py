"""`python -m innopaas.local`: run, site, test, exec, serve-test, check."""

import argparse
import errno
import sys

from innopaas.local import errands, inspection, supervisor, testing
from innopaas.local.trouble import Trouble

_PLAIN = {
    errno.ENOSPC: "The disk is full.",
    errno.EDQUOT: "The disk quota is used up.",
    errno.EROFS: "The project's folder cannot be written to.",
    errno.EACCES: "The project's folder may not be written to by this user.",
}


def main(arguments: list[str]) -> int:
    try:
        return _act(arguments)
    except Trouble as trouble:
        print(f"innopaas: {trouble}", file=sys.stderr)
    except BrokenPipeError:  # nobody reads our output any more
        return 1
    except OSError as error:
        if error.errno not in _PLAIN:
            raise
        where = f" ({error.filename})" if error.filename else ""
        print(f"innopaas: {_PLAIN[error.errno]}{where}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def _act(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m innopaas.local", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("run", help="the whole demo site")
    verbs.add_parser("site", help="any command with the demo while it is up: site -- COMMAND …", add_help=False)
    verbs.add_parser("serve-test", help="keep the test servers up, for quick test runs")
    verbs.add_parser("test", help="pytest with the test servers; its arguments follow", add_help=False)
    verbs.add_parser("check", help="lint, types, contracts, migrations, production settings")
    verbs.add_parser("exec", help="any command with the test servers: exec -- COMMAND …", add_help=False)
    chosen, rest = parser.parse_known_args(arguments)
    rest = rest[1:] if rest[:1] == ["--"] else rest
    if chosen.verb == "run":
        return supervisor.run()
    if chosen.verb == "check":
        with testing.environment_for_tests() as env:
            return inspection.inspect(env)
    if chosen.verb == "serve-test":
        return testing.serve()
    if chosen.verb == "test":
        return testing.run_pytest(rest)
    if not rest:
        parser.error(f"{chosen.verb} needs a command")
    return errands.run(rest) if chosen.verb == "site" else testing.run(rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
