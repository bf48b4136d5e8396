"""What is taken for code, what the operators make of it, and how it is drawn."""

import pathlib
import sys
import tempfile
import textwrap
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import operators  # noqa: E402
import reading  # noqa: E402
import rooms  # noqa: E402
import trial  # noqa: E402


def body(text):
    """Of one function that has this body."""
    return "namespace n {\nvoid A::f(int x) {\n" + textwrap.indent(text, "    ") + "\n}\n}\n"


def made_of(text, operator=None):
    """What the operators make of a function's body, each as its changed line."""
    whole = body(text)
    code = reading.code_of(whole)
    out = []
    for function in reading.functions(code):
        for change in operators.changes(code, function.body):
            changed = operators.apply(whole, change).splitlines()[2:-2]
            if operator in (None, change.operator):
                out.append(" ".join(" ".join(changed).split()))
    return out


class Reading(unittest.TestCase):
    def test_code_stands_where_it_stood(self):
        text = 'a = "b \\" c"; // d\ne = 10\'000 + \'f\'; /* g\n h */ i();\n#define J \\\n k\nl'
        code = reading.code_of(text)
        self.assertEqual(len(code), len(text))
        self.assertEqual(code.split(), ["a", "=", ";", "e", "=", "10'000", "+", ";", "i();", "l"])

    def test_raw_strings_are_no_code(self):
        self.assertEqual(reading.code_of('f(R"x(a < b)" && c)x");').split(), ["f(", ");"])

    def test_functions_have_their_names_and_no_constants_are_among_them(self):
        text = ("namespace a {\nconstexpr int k[] = {1, 2};\nenum class E { x };\nstruct S {\n"
                "    bool g() const { return k[0] < 1; }\n};\nT::T(int a) : b_(a) {}\n"
                "int T::h(std::vector<int> v) { for (int i : v) { f(i); } return 0; }\n}\n")
        code = reading.code_of(text)
        found = {f.name: code[f.body.begin:f.body.end].strip() for f in reading.functions(code)}
        self.assertEqual(found, {"g": "return k[0] < 1;", "T::T": "",
                                 "T::h": "for (int i : v) { f(i); } return 0;"})

    def statements(self, text):
        code = reading.code_of(body(text))
        span = reading.functions(code)[0].body
        return [" ".join(code[s.begin:s.end].split()) for s in reading.statements(code, span)]

    def test_statements_are_without_what_they_are_under(self):
        self.assertEqual(self.statements("for (int i = 0; i < 3; ++i) {\n    if (a[i]) b();\n"
                                         "    else c();\n}\ndo d(); while (e());"),
                         ["b();", "c();", "d();"])

    def test_values_in_braces_belong_to_their_statement(self):
        self.assertEqual(self.statements("last = {a, S{b}};\nf(T{1, {2}});"),
                         ["last = {a, S{b}};", "f(T{1, {2}});"])

    def test_statements_of_a_lambda_are_found_and_those_that_hold_it(self):
        self.assertEqual(self.statements("each([&](int a) {\n    if (a) b();\n    c = a;\n});"),
                         ["b();", "c = a;", "each([&](int a) { if (a) b(); c = a; });"])

    def test_cases_are_no_statements(self):
        self.assertEqual(self.statements("switch (a) {\ncase B::c:\n    d();\n    break;\n"
                                         "default:\n    e();\n}"), ["d();", "break;", "e();"])


class Operators(unittest.TestCase):
    def test_conditions_are_negated(self):
        self.assertEqual(made_of("if (a && b()) c();", "condition negated"), ["if (!(a && b())) c();"])
        self.assertEqual(made_of("while (!q.empty()) c();", "condition negated"),
                         ["while (!(!q.empty())) c();"])

    def test_of_a_condition_with_a_declaration_the_condition_is_negated(self):
        self.assertEqual(made_of("if (const int a = b(); a != 1) c();", "condition negated"),
                         ["if (const int a = b(); !(a != 1)) c();"])
        self.assertEqual(made_of("if (const auto* a = b()) c();", "condition negated"), [])

    def test_conditions_that_have_names_are_conditions(self):
        self.assertEqual(made_of("const bool a = b ||\n    f({c});", "condition negated"),
                         ["const bool a = !(b || f({c}));"])

    def test_relations_move_by_one(self):
        self.assertEqual(made_of("if (a < b) c();", "relation"), ["if (a <= b) c();"])
        self.assertEqual(made_of("if (a >= b) c();", "relation"), ["if (a > b) c();"])
        self.assertEqual(made_of("if (a == b) c();", "relation"), ["if (a != b) c();"])

    def test_templates_pointers_and_references_are_no_operators(self):
        self.assertEqual(made_of("std::map<int, T*> a;\nauto&& b = *c;\nS& d = -e;"), [])

    def test_and_is_or(self):
        self.assertEqual(made_of("if (a &&\n    b) c();", "and/or"), ["if (a || b) c();"])
        self.assertEqual(made_of("if (a || b) c();", "and/or"), ["if (a && b) c();"])

    def test_plus_is_minus(self):
        self.assertEqual(made_of("a += b;", "plus/minus"), ["a -= b;"])
        self.assertEqual(made_of("++a;", "plus/minus"), ["--a;"])
        self.assertEqual(made_of("const int a = b - c;", "plus/minus"), ["const int a = b + c;"])

    def test_numbers_are_one_more(self):
        self.assertEqual(made_of("const int a = 10'000u * b2;", "off by one"),
                         ["const int a = 10001u * b2;"])
        self.assertEqual(made_of("const double a = 1.5 + 1e6;", "off by one"), [])

    def test_truth_is_turned(self):
        self.assertEqual(made_of("const bool is_true = true;", "true/false"),
                         ["const bool is_true = false;"])

    def test_statements_are_deleted(self):
        self.assertEqual(made_of("if (a) return;\nb(c);", "statement deleted"),
                         ["if (a) ; b(c);", "if (a) return; ;"])

    def test_declarations_and_the_last_return_stay(self):
        self.assertEqual(made_of("const int a = b;\nstd::vector<T> c(d), e;\nT& f = g;\n"
                                 "auto [h, i] = j;\nreturn a;", "statement deleted"), [])

    def test_comments_and_strings_stay_as_they_are(self):
        self.assertEqual(made_of('// if (a < b) return true;\nconst S a{"a && b + 1;"}; /* ++c; */'), [])


class Drawing(unittest.TestCase):
    def mutants(self, text, left_out=()):
        return rooms.mutants_of("a.cpp", text, left_out)

    def test_what_decides_nothing_is_left_alone(self):
        self.assertEqual(self.mutants(body("PENSTOCK_CHECK(a > 0);\n++kind->submitted;\n"
                                           "constexpr int kMost = 3;")), [])

    def test_a_function_that_is_left_out_is(self):
        text = body("a();") + "void A::view() {\n    b();\n}\n"
        self.assertEqual([m.was for m in self.mutants(text, ("view",))], ["a();"])

    def test_a_mutant_is_the_same_when_other_lines_change(self):
        before = self.mutants(body("if (a) b();"))
        after = self.mutants("// more\n" + body("c();\nif (a) b();"))
        self.assertLess({m.key for m in before}, {m.key for m in after})
        self.assertNotEqual(before[0].line, after[-1].line)

    def test_equal_lines_of_a_function_are_different_mutants(self):
        self.assertEqual(len({m.key for m in self.mutants(body("a();\na();"))}), 2)

    def test_every_room_is_there_and_so_are_the_functions_that_it_leaves_out(self):
        for file, left_out in rooms.LEFT_OUT.items():
            code = reading.code_of((HERE.parents[1] / file).read_text())
            there = {f.name.rsplit("::", 1)[-1] for f in reading.functions(code)}
            self.assertEqual(set(left_out) - there, set(), file)

    def test_what_is_called_equivalent_is_still_drawn(self):
        every = {(m.file, m.is_now) for m in rooms.draw(HERE.parents[1], 1)}
        self.assertEqual(set(rooms.EQUIVALENT) - every, set())

    def test_the_seed_says_which_come_first(self):
        root = HERE.parents[1]
        first = [m.key for m in rooms.draw(root, 1)]
        self.assertEqual(first, [m.key for m in rooms.draw(root, 1)])
        self.assertNotEqual(first[:10], [m.key for m in rooms.draw(root, 2)][:10])
        self.assertEqual(len(first), len(set(first)))


class Trying(unittest.TestCase):
    def simulation(self, script):
        return trial.run_simulation([sys.executable, "-c", script], seed_seconds=0.5)

    def units(self, script, seconds=20):
        return trial.run_unit_tests([sys.executable, "-c", script], seconds)

    SEED = "import os, sys, time\nsys.stderr.write('\\rseed 7 ')\nsys.stderr.flush()\n"

    def test_what_nothing_finds_survives(self):
        self.assertEqual(self.simulation(self.SEED).by, "")
        self.assertEqual(self.units("print('[  PASSED  ] 3 tests.')").by, "")

    def test_a_broken_invariant_is_told_with_its_seed(self):
        found = self.simulation(self.SEED + "print('seed=7 it is lost')\nsys.exit(1)")
        self.assertEqual(found, trial.Verdict("simulation", "seed 7", "it is lost"))

    def test_a_program_that_ends_itself_is_found(self):
        found = self.simulation(self.SEED + "os.abort()")
        self.assertEqual(found, trial.Verdict("simulation", "seed 7", "ends by signal 6"))

    def test_a_seed_without_end_is_found(self):
        found = self.simulation(self.SEED + "while True: pass")
        self.assertEqual(found, trial.Verdict("simulation", "seed 7", "hangs"))

    def test_a_unit_test_that_fails_is_named(self):
        found = self.units("print('[ RUN      ] A.Works\\n[  FAILED  ] A.Works, where x (1 ms)')\n"
                           "raise SystemExit(1)")
        self.assertEqual((found.by, found.at), ("unit test", "A.Works"))

    def test_a_unit_test_that_ends_the_program_is_named(self):
        found = self.units("print('[ RUN      ] A.Ends', flush=True)\nimport os\nos.abort()")
        self.assertEqual((found.by, found.at), ("unit test", "A.Ends"))

    def test_a_mutant_is_compiled_as_its_file_is_and_from_its_copy(self):
        with tempfile.TemporaryDirectory() as place:
            root = pathlib.Path(place)
            (root / "a.cpp").write_text("int f() { return 1; }\n")
            workshop = trial.Workshop.__new__(trial.Workshop)
            workshop.root = workshop.build = root
            workshop._compile = {str(root / "a.cpp"): ["c++", "-o", "x.o", "-c", "a.cpp"]}
            change = operators.Change("off by one", reading.Span(17, 18), "2")
            mutant = rooms.Mutant("a.cpp", 1, "f", change, "", "", "")
            where = root / "1"
            where.mkdir()
            self.assertTrue(workshop.compile(mutant, where))
            self.assertEqual((where / "a.cpp").read_text(), "int f() { return 2; }\n")
            ends_nowhere = rooms.Mutant("a.cpp", 1, "f", operators.Change(
                "statement deleted", reading.Span(10, 19), ";"), "", "", "")
            self.assertFalse(workshop.compile(ends_nowhere, where))


if __name__ == "__main__":
    unittest.main()
