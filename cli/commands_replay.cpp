// `penstock replay FILE`: gives a machine of this program again what a ventilator or a sink was given
// while it recorded, and says whether it still says the same (docs/REPLAY.md).

#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "sink/replay.hpp"
#include "ventilator/replay.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace penstock::cli {
namespace {

struct ReplayFlags {
    std::string file, until, show;
    bool json = false;
};

// Where to stop: behind a record, or before the first that is later.
struct End {
    std::uint64_t record = UINT64_MAX;
    Duration at = Duration::max();
};

End parse_end(const std::string& text) {
    End end;
    if (text.empty()) return end;
    char* rest = nullptr;
    const double number = std::strtod(text.c_str(), &rest);
    const std::string unit = rest;
    const bool is_time = unit == "s" || unit == "ms";
    const bool is_known = unit.empty() ? text.find_first_not_of("0123456789") == std::string::npos : is_time;
    if (!is_known || number < 0 || number > 1e9) {
        throw Quit(Exit::usage, "--until is the number of a record, or a time as in 12.5s or 300ms.");
    }
    if (is_time)
        end.at = from_seconds(unit == "s" ? number : number / 1000);
    else
        end.record = std::strtoull(text.c_str(), nullptr, 10);
    return end;
}

struct Report {
    record::Header header;
    std::uint64_t records = 0;
    std::uint64_t shown = 0; // lines about the job of --show
    Duration span{0};
    double took_seconds = 0; // the replay
    record::Tally tally;
    std::optional<record::Difference> difference;
    bool is_torn = false, is_stopped = false, is_cut = false; // by --until
};

std::string time_text(Duration at) {
    char text[32];
    std::snprintf(text, sizeof text, "%+.6f s", seconds(at));
    return text;
}

std::ifstream open_tape(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw Quit(Exit::usage, "can't read " + file + ": " + std::strerror(errno) + ".");
    return in;
}

void print_line(const record::Line& line, bool json) {
    if (json) {
        const boost::json::object all = {{"record", line.record}, {"at", seconds(line.at)},
                                         {"way", line.way}, {"text", line.text}};
        std::printf("%s\n", boost::json::serialize(all).c_str());
        return;
    }
    std::printf("%s  record %llu  %s  %s\n", time_text(line.at).c_str(),
                static_cast<unsigned long long>(line.record), line.way.c_str(), line.text.c_str());
}

template <class Replay>
Report run(record::TapeReader& tape, Replay replay, const ReplayFlags& flags) {
    const End end = parse_end(flags.until);
    Report report;
    if (!flags.show.empty()) {
        const auto id = JobId::parse(flags.show);
        if (!id) throw Quit(Exit::usage, "--show: '" + flags.show + "' is no id of a job.");
        replay.show(*id, [&](const record::Line& line) {
            print_line(line, flags.json);
            ++report.shown;
        });
    }
    report.header = tape.header();
    const auto began = std::chrono::steady_clock::now();
    while (!report.difference && tape.next()) {
        const Duration at = tape.now().at - tape.header().begun.at;
        if (tape.number() > end.record || at > end.at) {
            report.is_cut = true;
            break;
        }
        report.records = tape.number();
        report.span = at;
        report.difference = replay.play();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    report.took_seconds = took.count();
    report.tally = replay.tally();
    report.is_torn = tape.is_torn();
    report.is_stopped = tape.is_stopped();
    return report;
}

Report run(const ReplayFlags& flags) {
    std::ifstream in = open_tape(flags.file);
    record::TapeReader tape(in);
    if (tape.header().role == "ventilator") return run(tape, ventilator::Replay(tape), flags);
    if (tape.header().role != "sink") {
        throw record::TapeError("it is of a role that this program does not know: '" +
                                tape.header().role + "'");
    }
    std::ifstream first = open_tape(flags.file);
    record::TapeReader once(first);
    sink::Bodies bodies;
    bodies.learn(once);
    return run(tape, sink::Replay(tape, std::move(bodies)), flags);
}

std::string end_text(const Report& r) {
    if (r.difference || r.is_cut) return "";
    if (r.is_torn) return "It ends in the middle of a record: its process was killed.\n";
    if (r.is_stopped) return "It ends with its greatest size, and what came after that is not on it.\n";
    return "";
}

void print(const Report& r, const ReplayFlags& flags) {
    const record::Tally& t = r.tally;
    std::printf("%s, a %s, %s, payloads %s\n", flags.file.c_str(), r.header.role.c_str(),
                duration_text(seconds(r.span)).c_str(), r.header.has_payloads ? "recorded" : "covered");
    Table table({{"GIVEN"}, {"MESSAGES", Align::right}});
    for (const auto& [sort, much] : t.given) table.add({sort, count_text(much)});
    if (!table.empty()) print_table(table);
    std::printf("jobs: %s submitted, %s finished, %s open at the end\n", count_text(t.submitted).c_str(),
                count_text(t.finished).c_str(), count_text(t.open).c_str());
    const auto rate = [&](double over) {
        return over > 0 ? count_text(static_cast<std::uint64_t>(static_cast<double>(t.decisions) / over))
                        : std::string("-");
    };
    std::printf("%s: %s, %s a second then, %s a second in this replay of %s\n",
                r.header.role == "sink" ? "outcomes" : "dispatched", count_text(t.decisions).c_str(),
                rate(seconds(r.span)).c_str(), rate(r.took_seconds).c_str(),
                duration_text(r.took_seconds).c_str());
    std::printf("%s", end_text(r).c_str());
    if (!r.difference) {
        std::printf("same as recorded: %s records%s\n", count_text(r.records).c_str(),
                    r.is_cut ? " up to there" : "");
        return;
    }
    const record::Difference& d = *r.difference;
    std::printf("DIFFERS at record %llu at %s, in %s: said %s then, %s now\n",
                static_cast<unsigned long long>(d.record), time_text(d.at).c_str(), d.of.c_str(),
                to_string(d.then).c_str(), to_string(d.now).c_str());
}

void print_json(const Report& r) {
    boost::json::object given;
    for (const auto& [sort, much] : r.tally.given) given[sort] = much;
    boost::json::object all = {
        {"role", r.header.role},          {"records", r.records},
        {"seconds", seconds(r.span)},     {"given", given},
        {"submitted", r.tally.submitted}, {"finished", r.tally.finished},
        {"open", r.tally.open},           {"decisions", r.tally.decisions},
        {"replay_seconds", r.took_seconds},
        {"torn", r.is_torn},              {"stopped", r.is_stopped},
        {"same", !r.difference}};
    if (r.difference) {
        all["differs"] = boost::json::object{{"record", r.difference->record},
                                             {"at", seconds(r.difference->at)},
                                             {"of", r.difference->of},
                                             {"then", to_string(r.difference->then)},
                                             {"now", to_string(r.difference->now)}};
    }
    std::printf("%s\n", boost::json::serialize(all).c_str());
}

Exit replay(const ReplayFlags& flags) {
    try {
        const Report report = run(flags);
        if (flags.json)
            print_json(report);
        else
            print(report, flags);
        if (!flags.show.empty() && report.shown == 0) {
            std::fprintf(stderr, "penstock: these records have nothing about the job %s.\n",
                         flags.show.c_str());
        }
        return report.difference ? Exit::failed : Exit::ok;
    } catch (const record::TapeError& error) {
        throw Quit(Exit::usage, "can't read " + flags.file + ": " + error.what() + ".");
    }
}

} // namespace

Command replay_command(CLI::App& root) {
    auto flags = std::make_shared<ReplayFlags>();
    CLI::App* app = root.add_subcommand("replay", "Run again what a ventilator or a sink recorded "
                                                  "(--record), and say whether it decides the same");
    app->footer("\nExit codes: 0 the same as recorded, 1 it differs, 2 the file can't be read.\n"
                "docs/REPLAY.md says how an outage becomes a test.");
    app->add_option("file", flags->file, "The recording")->required();
    app->add_option("--until", flags->until,
                    "Stops behind this record, or at this time as in 12.5s or 300ms (default: the end)");
    app->add_option("--show", flags->show,
                    "The id of a job: all that was said of it, to and by the machine, with the times "
                    "(default: none)");
    app->add_flag("--json", flags->json, "One JSON object a line");
    return {app, [flags] { return replay(*flags); }};
}

} // namespace penstock::cli
