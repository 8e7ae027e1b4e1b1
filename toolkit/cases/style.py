"""How a page looks: on a light screen, a dark one, and paper.

The rule of this file: no colour says anything alone, text has a contrast of at least 4.5 to what is behind it, and nothing is
fetched.
"""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--band:#f4f6f8;--line:#d0d7de;
--good:#116329;--bad:#a11a1a;--open:#0a5299;--mark:#ffe1cc}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#a3adb8;--paper:#14171b;--band:#1d2127;--line:#3a424c;
--good:#5bd07e;--bad:#ff9a8f;--open:#7cb8ff;--mark:#6b2f10}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
main{max-width:66rem;margin:0 auto;padding:2rem 1.25rem 4rem}
header p{color:var(--soft);margin:.25rem 0}
h1{font-size:1.75rem;line-height:1.2;margin:0}
h2{font-size:1.3rem;margin:0;overflow-wrap:anywhere}
h3{font-size:1.05rem;margin:2rem 0 .5rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h4{font-size:1rem;margin:0 0 .25rem}
p{margin:.5rem 0}
article{margin-top:2.5rem;padding-top:1.75rem;border-top:2px solid var(--ink)}
.verdict{margin:1rem 0;padding:.75rem 1rem;border-left:.4rem solid var(--open);background:var(--band)}
.verdict strong{display:block;font-size:1.15rem;color:var(--open)}
.good{border-color:var(--good)}.good strong{color:var(--good)}
.bad{border-color:var(--bad)}.bad strong{color:var(--bad)}
.finding{margin:1rem 0;padding:.9rem 1rem;border:1px solid var(--line);border-left:.4rem solid var(--soft)}
.refuses{border-left-color:var(--bad)}
.finding .word{color:var(--soft);font-weight:400}
.refuses .word{color:var(--bad);font-weight:600}
dl{margin:.5rem 0}
dl div{display:grid;grid-template-columns:10.5rem 1fr;gap:.75rem;padding:.15rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere;min-width:0}
.sides dd,.mono,code,pre,samp{font-family:ui-monospace,"DejaVu Sans Mono",Consolas,monospace;font-size:.82rem}
.mono{overflow-wrap:anywhere}
mark{background:var(--mark);color:inherit;font-weight:700;text-decoration:underline}
.scroll{overflow-x:auto;margin:.75rem 0}
table{border-collapse:collapse;width:100%;font-size:.85rem}
caption{text-align:left;font-weight:600;padding:.25rem 0;font-size:.95rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);font-weight:400}
thead th{color:var(--soft);font-weight:600;white-space:nowrap}
.steps{padding-left:1.4rem}.steps li{margin:.75rem 0}
pre{margin:.25rem 0;padding:.5rem .75rem;background:var(--band);border:1px solid var(--line);white-space:pre-wrap;
overflow-wrap:anywhere}
.prints{margin:.1rem 0;color:var(--soft)}samp{color:var(--ink);overflow-wrap:anywhere}
figure{margin:1rem 0}
figure img{max-width:100%;height:auto;background:#fff;border:1px solid var(--line);padding:.5rem}
figcaption,footer{color:var(--soft);font-size:.85rem}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line)}
@media (max-width:40rem){dl div{grid-template-columns:1fr;gap:0}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--paper:#fff;--band:#f4f4f4;--line:#bbb;--good:#116329;--bad:#a11a1a;
--open:#0a5299;--mark:#eee}body{font-size:10pt}main{max-width:none;padding:0}h2,h3,h4,caption{break-after:avoid}
tr,figure,.finding{break-inside:avoid}
.scroll{overflow:visible}}
@page{margin:18mm 15mm}
""".strip()
