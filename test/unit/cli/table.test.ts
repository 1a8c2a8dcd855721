/** Tables, fields, and what strangers may write on an operator's terminal. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fitRows, printable, renderFields, renderTable } from "../../../src/cli/table.ts";

test("renderTable aligns text left and figures right", () => {
  assert.equal(
    renderTable(
      ["PEER", "HEIGHT", "LATENCY"],
      [
        ["a", "1,000", "12 ms"],
        ["longer", "7", "-"],
      ],
    ),
    "PEER    HEIGHT  LATENCY\na        1,000    12 ms\nlonger       7        -",
  );
  assert.equal(renderTable(["PEER", "UNTIL"], []), "none (peer, until)");
});

test("renderFields puts each item of a list on its line", () => {
  assert.equal(
    renderFields([
      ["a", "1"],
      ["list", ["x", "y"]],
      ["none", []],
    ]),
    "a     1\nlist  x\n      y\nnone  -",
  );
});

test("printable lets no control character through", () => {
  assert.equal(printable("a\nb\tc"), "a b c");
  assert.equal(printable("\u001b[2J\u202eevil"), "\\u001b[2J\\u202eevil");
});

test("fitRows wraps the columns that may be wrapped, at marks where it can, and cuts what is longer", () => {
  const fit = { columnsMax: 26, linesMax: 2, flexible: [1] };
  const headings = ["KEY", "VALUE", "FROM"];
  const fitted = fitRows(headings, [["a.setting", "/one/two/three", "file"]], fit);
  const lines = [
    ["a.setting", "/one/two/", "file"],
    ["", "three", ""],
  ];
  assert.deepEqual(fitted, { rows: lines, isCut: false });
  const cut = fitRows(headings, [["a.setting", "x".repeat(30), "file"]], fit);
  assert.equal(cut.isCut, true);
  assert.deepEqual(
    cut.rows.map(([, value]) => value),
    ["xxxxxxxxx", "xxxxxxxx…"],
  );
  const alone = fitRows(headings, [["a", "12", "file"]], fit);
  assert.deepEqual(alone, { rows: [["a", "12", "file"]], isCut: false });
});
