"""What bench/ makes of results, and that each peer is what bench/run expects. No clock and no
network: timings belong into bench/ itself."""

import glob
import importlib
import json
import os
import re
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/bench")

import figures  # noqa: E402
import found  # noqa: E402
import page  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
from house import Failed  # noqa: E402
from peers import rounds  # noqa: E402

# Others read these from `bench/run --json`: a key may be added, none may go.
KEYS = """throughput_jobs_s raw_jobs_s raw_batched_jobs_s throughput_ratio throughput_batched_ratio
values_compared throughput_spread raw_spread raw_batched_spread cpu_us_per_job raw_cpu_us_per_job
raw_batched_cpu_us_per_job cpu_ratio raw_rtt_p50_us raw_rtt_p99_us idle_p50_us idle_p99_us
idle_rested_p50_us idle_rested_p99_us http_idle_p50_us http_idle_p99_us http_submits_s http_hello_s
http_ratio http_submits_spread http_hello_spread http_cpu_us_per_request
http_hello_cpu_us_per_request bytes_per_queued_job_ventilator bytes_per_queued_job_sink
scale_workers scale_join_seconds scale_descriptors_ventilator scale_descriptors_swarm scale_idle_cpu
scale_jobs_s scale_two_workers_jobs_s scale_workers_ratio scale_waits scale_bytes_per_wait
scale_waits_cpu scale_waits_answered_seconds scale_bytes_per_queued_job_ventilator
scale_bytes_per_queued_job_sink scale_bytes_per_finished_job_sink scale_queued
scale_full_queue_jobs_s scale_full_queue_ratio scale_mib_echo_gigabytes_s
scale_mib_echo_ventilator_us scale_mib_echo_sink_us scale_mib_short_gigabytes_s
scale_mib_short_ventilator_us scale_mib_short_sink_us""".split()


def fixture():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "results.json")) as file:
        return json.load(file)


def three_rounds(section):
    """Each figure was 30, 10 and 20; each role of Roles a tenth of that."""
    out = found.Found(section)
    for value in (30, 10, 20):
        for figure in section.figures:
            is_roles = isinstance(figure, found.Roles)
            out.add(figure.key, {"sink": value / 10, "workers": value / 10} if is_roles else value)
    return out


class Figures(unittest.TestCase):
    def test_a_figure_is_the_median_with_lowest_and_highest(self):
        figure = three_rounds(figures.MEMORY).results()["figures"]["bytes_per_queued_job_sink"]
        self.assertEqual((figure["value"], figure["low"], figure["high"]), (20, 10, 30))
        self.assertEqual(figure["rounds"], 3)

    def test_roles_are_medians_and_their_sum(self):
        figure = three_rounds(figures.THROUGHPUT).results()["figures"]["cpu_us_per_job"]
        self.assertEqual(figure["parts"], {"sink": 2, "workers": 2})
        self.assertEqual((figure["value"], figure["low"], figure["high"]), (4, 2, 6))

    def test_what_was_counted_is_added_up(self):
        flat = found.flat([three_rounds(figures.THROUGHPUT).results()])
        self.assertEqual(flat["values_compared"], 60)

    def test_of_how_many_a_section_tells_is_not_added_up(self):
        section = found.Found(figures.SCALE)
        for _ in range(3):
            section.add("scale_workers", 3000)
        self.assertEqual(found.flat([section.results()]), {"scale_workers": 3000})

    def test_a_ratio_is_that_of_the_medians(self):
        section = three_rounds(figures.THROUGHPUT)
        section.add("raw_jobs_s", 20)
        section._rounds["throughput_jobs_s"] = [5, 5, 80]
        self.assertEqual(section.results()["ratios"]["throughput_ratio"]["value"], 0.25)

    def test_the_keys_that_others_read_are_there(self):
        flat = found.flat([three_rounds(section).results() for section in figures.SECTIONS])
        self.assertEqual([key for key in KEYS if key not in flat], [])

    def test_what_no_round_found_is_not_there(self):
        self.assertEqual(found.flat([found.Found(figures.HTTP).results()]), {})

    def test_a_figure_that_is_not_listed_is_refused(self):
        with self.assertRaises(KeyError):
            found.Found(figures.HTTP).add("nonesuch", 1)

    def test_every_figure_says_its_unit_and_what_it_means(self):
        keys = [figure.key for section in figures.SECTIONS for figure in section.figures]
        self.assertEqual(len(keys), len(set(keys)))
        for section in figures.SECTIONS:
            listed = {figure.key for figure in section.figures}
            for figure in section.figures:
                self.assertTrue(figure.unit and len(figure.means) > 20, figure.key)
                self.assertIn(figure.ratio_to, listed | {""}, figure.key)
            for ratio in section.ratios:
                self.assertLessEqual({ratio.of, ratio.to}, listed, ratio.key)

    def test_the_readme_tells_of_every_figure(self):
        with open(f"{ROOT}/bench/README.md") as readme:
            told = readme.read()
        for section in figures.SECTIONS:
            for key in [f.key for f in section.figures] + [r.key for r in section.ratios]:
                self.assertIn(key.replace("_p99_", "_p50_"), told)

    def test_the_round_that_is_shown_is_the_one_nearest_the_median(self):
        section = three_rounds(figures.THROUGHPUT)
        for which in ("of 30", "of 10", "of 20"):
            section.add_processes("throughput_jobs_s", which)
        self.assertEqual(section.results()["processes"]["throughput_jobs_s"], "of 20")


class Page(unittest.TestCase):
    def setUp(self):
        self.results = fixture()
        self.html = page.html(self.results, "var library = '</script>';")
        self.charts = json.loads(re.search(
            r'<script type="application/json" id="charts">(.*?)</script>', self.html).group(1))

    def test_each_canvas_has_its_chart_and_the_other_way_round(self):
        drawn = [int(i) for i in re.findall(r'<canvas data-chart="(\d+)">', self.html)]
        expected = [i for i, chart in enumerate(self.charts) if chart["type"] != "choices"]
        self.assertEqual(sorted(drawn), expected)
        # Throughput has two units; idle one, and its histogram; peers two; processes two.
        self.assertEqual(len(drawn), 8)

    def test_it_names_every_figure_with_its_value_and_meaning(self):
        for section in self.results["sections"]:
            for key, figure in section["figures"].items():
                value = report.number(figure["value"], figure)
                for part in (figure["name"], figure["means"], value):
                    self.assertIn(page.text(part), self.html, key)

    def test_it_names_every_peer_also_those_that_failed(self):
        for peer in self.results["peers"]:
            for part in (peer["name"], peer["durability"], peer["ends"], peer["lacks"],
                         peer["why"], peer["version"]):
                self.assertIn(page.text(part), self.html)

    def test_it_needs_no_other_file(self):
        own = self.html.replace("var library", "")
        self.assertEqual(re.findall(r'https?://|\bsrc=|\bhref=|@import|url\(|\bfetch\(', own), [])

    def test_no_text_becomes_markup(self):
        self.results["machine"]["cpu"] = "<script>alert(1)</script>"
        self.results["peers"][0]["name"] = "</script><b>x"
        html = page.html(self.results, "")
        self.assertNotIn("<script>alert", html)
        self.assertNotIn("</script><b>", html)
        self.assertEqual(html.count("<script"), 3)
        self.assertEqual(html.count("</script"), 3)

    def test_the_library_cannot_end_its_script(self):
        self.assertEqual(self.html.count("<script"), self.html.count("</script"))

    def test_far_figures_get_a_logarithmic_axis_and_near_ones_a_linear_one(self):
        logs = {chart["unit"]: chart["log"] for chart in self.charts if chart["type"] == "bars"}
        self.assertEqual(logs["CPU µs/job, all processes"], True)
        self.assertEqual(logs["µs"], False)

    def test_a_histogram_has_every_sample_once(self):
        chart = page.histogram({"a": [100.0 + i for i in range(999)] + [1e6], "b": [50.0, 60.0]})
        self.assertEqual([s["count"] for s in chart["series"]], [1000, 2])
        for one in chart["series"]:
            edges, shares = zip(*one["points"])
            self.assertAlmostEqual(sum(shares[:-1]), 100, places=1)  # the last edge repeats a bin
            self.assertEqual(list(edges), sorted(edges))

    def test_cpu_over_time_is_the_share_of_a_core_between_two_looks(self):
        cpu, memory = page.over_time({"sink": [[0.0, 0.0, 2**20], [0.1, 0.05, 2**21]]})
        self.assertEqual(cpu["sink"], [[0.1, 50.0]])
        self.assertEqual(memory["sink"], [[0.0, 1.0], [0.1, 2.0]])

    def test_without_peers_and_sections_it_is_still_a_page(self):
        html = page.html({**self.results, "sections": [], "peers": []}, "")
        self.assertIn("Machine, versions, settings", html)


class Table(unittest.TestCase):
    def test_it_has_every_figure_and_every_peer(self):
        results = fixture()
        table = report.table(results)
        for section in results["sections"]:
            for figure in section["figures"].values():
                self.assertIn(figure["name"], table)
        for peer in results["peers"]:
            self.assertIn(peer["name"], table)
            self.assertIn(peer["why"], table)

    def test_it_says_beside_each_title_how_many_rounds_there_were(self):
        results = fixture()
        for figure in results["sections"][1]["figures"].values():
            figure["rounds"] = 1
        for written in (report.table(results), page.html(results, "")):
            self.assertIn(results["sections"][0]["title"] + " (3 rounds)", written)
            self.assertIn(results["sections"][1]["title"] + " (1 round)", written)

    def test_it_says_what_failed_and_that_others_were_busy(self):
        table = report.table(fixture())
        self.assertIn("FAILED: no figures of RabbitMQ", table)
        self.assertIn("NOISE: other processes used 9%", table)


    def test_the_table_in_markdown_has_every_peer_in_rows_of_equal_width(self):
        results = fixture()
        rows = [line for line in report.peers_markdown(results).split("\n") if line[:1] == "|"]
        for peer in results["peers"]:
            self.assertTrue(any(line.startswith(f"| {peer['name']} |") for line in rows))
        self.assertEqual({line.count("|") for line in rows}, {6})


class Peers(unittest.TestCase):
    def test_each_file_of_a_peer_satisfies_the_interface(self):
        with open(f"{ROOT}/scripts/install-packages") as script:
            installed = re.search(r"peer_packages=\((.*?)\)", script.read(), re.S).group(1).split()
        everyone = peers.all_peers()
        self.assertEqual(len({peer.key for peer in everyone}), len(everyone))
        for peer in everyone:
            with self.subTest(peer.key):
                self.assertTrue(issubclass(peer, peers.Peer))
                self.assertTrue(peer.key and peer.name and peer.durability and peer.ends
                                and peer.lacks)
                self.assertIsNot(peer.start, peers.Peer.start)
                self.assertLessEqual(set(peer.packages), set(installed))
                self.assertLessEqual(set(peer.versions_of), set(peer.packages))
                self.assertTrue(0 < peer.first_jobs <= peer.most_jobs)
                for program in peer.programs:
                    self.assertTrue(os.path.exists(f"{ROOT}/bench/peers/programs/{program}.cpp"))
                self.assertTrue(peer.packages or peer.key == "penstock")

    def test_those_that_were_promised_are_there(self):
        self.assertLessEqual({"celery", "fastapi_celery", "rq", "beanstalkd", "gearman", "rabbitmq",
                              "nats", "redis_lists", "penstock", "penstock_http"},
                             {peer.key for peer in peers.all_peers()})

    def test_every_program_is_somebodys(self):
        used = {program for peer in peers.all_peers() for program in peer.programs}
        there = {os.path.basename(path).removesuffix(".cpp")
                 for path in glob.glob(f"{ROOT}/bench/peers/programs/*.cpp")}
        self.assertEqual(used, there)

    def test_every_file_is_loaded(self):
        for path in glob.glob(f"{ROOT}/bench/peers/*.py"):
            name = os.path.basename(path).removesuffix(".py")
            importlib.import_module("peers" if name == "__init__" else f"peers.{name}")


class Rounds(unittest.TestCase):
    class Fake(peers.Peer):
        key, name, durability, ends, lacks = "fake", "Fake", "memory", "never", "all"
        rates = []

        def start(self):
            pass

        def run(self, jobs):
            return {"jobs_s": self.rates.pop(0), "cpu_seconds": 2.0}

    def measured(self, peer, count):
        with tempfile.TemporaryDirectory() as logs:
            programs = figures.Programs(logs)
            those = rounds.Rounds(peer)
            for _ in range(count):
                those.measure(programs, lambda sentence: None)
            return those.results()

    def test_the_median_of_the_rounds_is_quoted_without_their_warm_ups(self):
        self.Fake.rates = [1, 5000.0, 1, 9000.0, 1, 7000.0]
        results = self.measured(self.Fake, 3)
        self.assertEqual((results["jobs_s"], results["low"], results["high"]), (7000, 5000, 9000))
        self.assertEqual(results["state"], "measured")

    def test_jobs_follow_from_the_speed_within_bounds(self):
        fast, slow = (rounds.scaled(self.Fake, jobs_s) for jobs_s in (1e9, 1))
        self.assertEqual((fast, slow), (self.Fake.most_jobs, self.Fake.first_jobs))
        self.assertEqual(rounds.scaled(self.Fake, 50_000), 100_000)

    def test_a_peer_that_fails_says_why_and_fails_the_run(self):
        class Broken(self.Fake):
            def start(self):
                raise Failed("it did not listen")

        results = self.measured(Broken, 3)
        self.assertEqual((results["state"], results["why"]), ("failed", "it did not listen"))
        self.assertEqual(rounds.problems_of([results]), {"Fake": "it did not listen"})

    def test_one_good_round_does_not_hide_a_later_failure(self):
        self.Fake.rates = [1, 5000.0]  # then there are none
        class Ending(self.Fake):
            def run(self, jobs):
                if not self.rates:
                    raise Failed("it died")
                return super().run(jobs)

        results = self.measured(Ending, 2)
        self.assertEqual(results["state"], "failed")
        self.assertNotIn("jobs_s", results)

    def test_what_the_distribution_does_not_have_is_named_and_fails_nothing(self):
        class Unknown(self.Fake):
            packages = ("penstock-has-no-such-package",)

        results = self.measured(Unknown, 1)
        self.assertEqual(results["state"], "not packaged")
        self.assertIn("penstock-has-no-such-package", results["why"])
        self.assertEqual(rounds.problems_of([results]), {})


if __name__ == "__main__":
    unittest.main()
