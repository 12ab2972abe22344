import csv
import json
from collections import Counter, defaultdict
from datetime import date
from itertools import groupby
from pathlib import Path

import pytest

from pipelines.simulation.run import simulate


@pytest.mark.parametrize("params", [dict(workers=2000, year=2025, seed=7, months=1), dict(workers=300, year=2025, seed=9, months=4, faults=0.15, labs=3, operators=2)])
def test_country(tmp_path, registry, params):
    out = tmp_path / "c"; simulate(out, **params)
    man = json.loads((out/"manifest.json").read_text()); figs=json.loads((out/"expected_files.json").read_text())
    exp = defaultdict(dict)
    for r in csv.DictReader((out/"expected.csv").open(), delimiter=";"): exp[r["path"]][int(r["ligne"])] = r
    bad = Counter(); ex={}
    for p in man["partners"]: registry.partner(p["code"], p["role"], p["sirens"], p["identifiant"])
    right = {"issue": "INTEGRE", "codes": "", "issue_finale": "INTEGRE"}
    for (stage, day), group in groupby(man["files"], key=lambda f: (f["stage"], f["registry_date"])):
        group = list(group)
        for f in group: registry.drop(f["partner"], Path(f["path"]).name, (out/f["path"]).read_bytes())
        registry.run(date.fromisoformat(day)); registry.answer()
        for f in group:
            name = Path(f["path"]).name
            rep = registry.report(f["partner"], name)
            if rep is None: bad[("norep", f["path"])] += 1; continue
            if (rep["statut"], rep["lignes"]) != (figs[f["path"]]["statut"], figs[f["path"]]["lignes"]):
                bad[("fig", f["format"])] += 1; ex[("fig", f["format"])] = (f["path"], rep["statut"], rep["lignes"], figs[f["path"]])
            if name.rsplit(".",1)[0].endswith("_bis"): continue
            for line, (o, c) in enumerate(registry.rows(f["partner"], name), 1):
                e = exp[f["path"]].get(line, right); have = (o, ",".join(sorted(c))); want = (e["issue"], e["codes"])
                if have != want: bad[(f["format"], want, have)] += 1; ex[(f["format"], want, have)] = (f["path"], line)
    for f in man["files"]:
        name = Path(f["path"]).name
        if name.rsplit(".",1)[0].endswith("_bis"): continue
        for line, (o, c) in enumerate(registry.rows(f["partner"], name), 1):
            e = exp[f["path"]].get(line, right)
            if o != e["issue_finale"]: bad[("final", f["format"], e["issue_finale"], o)] += 1; ex[("final", f["format"], e["issue_finale"], o)] = (f["path"], line)
    for k, v in bad.items(): print(k, v, ex.get(k))
    assert not bad
    registry.verify()
