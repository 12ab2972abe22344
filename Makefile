# For developers; nobody needs make to run the demo or the tests (./demo, ./test).
PY := .venv/bin/python
.PHONY: check test demo bench up down lock audit

check:
	.ci/run check

test:
	./test

demo:
	./demo

bench:
	./siseri --help >/dev/null
	$(PY) -m bench

up:
	./siseri up

down:
	./siseri down

# One file for Python 3.11 to 3.13 and every platform; versions move only here.
lock:
	.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade --no-header --quiet \
		--extra registry --extra airflow --extra celery --extra quality --extra modeles --extra dev pyproject.toml -o requirements.lock

# Known faults of what is locked, asked of the public advisories: needs the network. A package that could not be asked
# about is a failure too. Offline, tests/security/test_supply_chain.py holds the rest.
audit:
	.venv/bin/uv tool run pip-audit==2.10.1 --requirement requirements.lock --disable-pip --require-hashes --strict
