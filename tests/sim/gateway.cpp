// The simulated gateway: what it knows of the others, what it has promised to answer, and its death.
// Whether a submit may come in, what is still waited for and what a client is answered are the
// gateway's own parts (admission, pending); what its hub does with sockets is done here.

#include "gateway/admission.hpp"
#include "gateway/pending.hpp"
#include "tests/sim/world.hpp"

#include <algorithm>
#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kTick = 100ms; // the real one looks twice as often
constexpr Duration kRoomPeriod = 250ms, kRoomPeriodAway = 100ms, kStatsPeriod = 1s;
constexpr Duration kAskAgain = 1s; // without an answer
constexpr Duration kStoreTimeout = 2s, kGrace = 2s;
constexpr std::uint64_t kRoom = 1, kStats = 2; // numbers of its own questions

struct Poll {
    Instant asked{}, answered{};

    bool is_due(Instant now, Duration period) {
        const bool is_under_way = asked > answered;
        if (now < asked + (is_under_way ? kAskAgain : period)) return false;
        asked = now;
        return true;
    }
};

} // namespace

struct World::Gateway {
    struct Asked {
        std::shared_ptr<gateway::Call> call;
        std::size_t request;
    };

    gateway::Board board;
    gateway::Pending pending;
    std::vector<gateway::Completed> done;
    std::vector<Asked> asked;
    Poll room, stats;
    Instant ventilator_heard{}, sink_heard{}; // long ago

    void look(Instant now) {
        board.ventilator_silence = std::min(now - ventilator_heard, gateway::kSilence);
        board.sink_silence = std::min(now - sink_heard, gateway::kSilence);
    }
};

void World::start_gateway() {
    gateway_ = std::make_shared<Gateway>();
    ++gateway_life_;
    gateway_tick();
}

void World::gateway_tick() {
    Gateway& g = *gateway_;
    if (g.room.is_due(now_, g.board.room.serving ? kRoomPeriod : kRoomPeriodAway)) ask_for_room();
    if (g.stats.is_due(now_, kStatsPeriod)) {
        ask_sink(encode(Request(kStats), StatusQuestion(AskStats{})));
    }
    g.pending.expire(now_, g.done);
    gateway_answers();
    at(kTick, [this, life = gateway_life_] {
        if (life == gateway_life_) gateway_tick();
    });
}

// kill -9: what it had promised is forgotten. Its clients see that the connection has ended.
void World::kill_gateway() {
    const bool matters = std::any_of(requests_.begin(), requests_.end(),
                                     [](const Wish& wish) { return wish.under_way > 0; });
    if (matters) count("gateway killed");
    for (Pipe* pipe : {&to_gateway_, &to_clients_, &to_control_, &from_control_, &to_status_,
                       &from_status_}) {
        end(*pipe);
    }
    if (happens(0.5)) end(to_door_);
    start_gateway();
    lose_patience();
}

// ---- submits ------------------------------------------------------------------------------

void World::gateway_takes(std::size_t request) {
    Gateway& g = *gateway_;
    const Wish& wish = requests_[request];
    g.look(now_);
    if (const auto full = gateway::check_room(g.board, wish.bytes)) {
        return gateway_says(request, {{wish.ids.front(), std::string(text_of(full->slug))}});
    }
    auto call = std::make_shared<gateway::Call>();
    const auto rows = static_cast<std::uint32_t>(wish.ids.size());
    const auto form = rows == 1 ? gateway::Pending::Form::single : gateway::Pending::Form::bulk;
    const std::uint64_t number = g.pending.open(gateway::Promise(call), form, rows,
                                                now_ + kStoreTimeout + kGrace);
    g.asked.push_back({std::move(call), request});
    send(to_door_, [this, frame = encode(wish.batch)] {
        auto decoded = decode_ventilator_door(reader_, frame);
        auto& submit = std::get<Submit>(decoded.messages.at(0));
        note_arrival(submit);
        dispatcher_->on(std::move(submit), now_, v_out_);
    });
    AskStored stored;
    stored.timeout = kStoreTimeout;
    for (std::uint32_t i = 0; i < rows; ++i) {
        const auto& row = wish.batch.rows[i];
        stored.rows.push_back({number + i, row.id, body_digest(wish.batch.terms, row.payload)});
    }
    ask_sink(encode(std::nullopt, StatusQuestion(stored)));
}

void World::gateway_answers() {
    Gateway& g = *gateway_;
    for (auto& completed : std::exchange(g.done, {})) {
        completed.promise.keep(std::move(completed.answer));
    }
    for (auto& asked : g.asked) {
        if (!asked.call->done()) continue;
        const Wish& wish = requests_[asked.request];
        std::vector<Refusal> refused;
        const auto refuse = [&](std::size_t row, const JobAnswer* answer) {
            const gateway::Unstored job{*JobId::parse(wish.ids[row]), wish.batch.terms.kind};
            const auto problem = gateway::not_stored(answer, job, g.board.room);
            refused.push_back({wish.ids[row], std::string(text_of(problem.slug))});
        };
        gateway::Answer& answer = asked.call->answer();
        const auto* job = answer.get<JobAnswer>();
        if (const auto* bulk = answer.get<gateway::BulkAnswer>()) {
            for (const auto& failed : bulk->failed) refuse(failed.row, &failed.answer);
        } else if (answer.get<gateway::IsStored>() == nullptr &&
                   (job == nullptr || job->found != Found::found)) {
            for (std::size_t row = 0; row < wish.ids.size(); ++row) refuse(row, job);
        }
        gateway_says(asked.request, std::move(refused));
    }
    std::erase_if(g.asked, [](const auto& asked) { return asked.call->done(); });
}

// The promise of a 202: whoever has it can ask for the job, whatever happens next.
void World::gateway_says(std::size_t request, std::vector<Refusal> refused) {
    if (refused.empty()) {
        for (const auto& id : requests_[request].ids) {
            const Job& job = jobs_[id];
            const bool is_known =
                plan_.durable ? disk_.find(job.id) != nullptr : ledger_->state_of(job.id).has_value();
            if (!is_known) fail(id + " was answered 202, and the sink does not know it");
        }
    }
    send(to_clients_, [this, request, refused = std::move(refused)] { hear(request, refused); });
}

// ---- what it asks -------------------------------------------------------------------------

void World::ask_for_room() {
    const auto ask = [this] {
        const std::string frame = encode(Request(kRoom), ControlAnswer(dispatcher_->room()));
        send(from_control_, [this, frame] {
            auto decoded = decode_control_answer(reader_, frame);
            Gateway& g = *gateway_;
            g.board.room = std::get<Room>(std::move(decoded.messages.at(0).question));
            g.room.answered = g.ventilator_heard = now_;
        });
    };
    send(to_control_, [this, ask] {
        if (v_asleep_until_ <= now_) return ask();
        at_ventilator(v_asleep_until_ - now_, ask);
    });
}

void World::ask_sink(const std::string& frame) {
    send(to_status_, [this, frame, asker = gateway_life_] {
        when_sink_runs(0s, [this, frame, asker] {
            const auto decoded = decode_status(reader_, frame);
            for (const auto& [request, question] : decoded.messages) {
                const auto* stored = std::get_if<AskStored>(&question);
                if (stored == nullptr) {
                    ledger_->ask(asker, request, question, both_now(), s_out());
                    continue;
                }
                for (const auto& row : stored->rows) {
                    ledger_->ask(asker, row, stored->timeout, both_now(), s_out());
                }
            }
        });
    });
}

void World::say_replies(const sink::Outbox& out) {
    std::vector<std::string> frames;
    StoredAnswer stored;
    for (const auto& reply : out.stored_replies) {
        if (reply.asker == gateway_life_) stored.requests.push_back({reply.request, 1});
    }
    if (!stored.requests.empty()) frames.push_back(encode(std::nullopt, StatusAnswer(stored)));
    for (const auto& reply : out.replies) {
        if (reply.asker == gateway_life_) frames.push_back(encode(reply.request, reply.answer));
        if (reply.asker == kReaders) read_pieces(reply.request.value_or(0), std::get<PartialsAnswer>(reply.answer));
    }
    for (auto& frame : frames) {
        send(from_status_, [this, frame = std::move(frame)] { gateway_hears(frame); });
    }
}

void World::gateway_hears(const std::string& frame) {
    Gateway& g = *gateway_;
    g.sink_heard = now_;
    auto decoded = decode_status_answer(reader_, frame);
    if (!decoded.error.empty()) return fail("the gateway can't read: " + decoded.error);
    for (auto& [request, answer] : decoded.messages) {
        if (const auto* stored = std::get_if<StoredAnswer>(&answer)) {
            for (const Range& range : stored->requests) {
                g.pending.answer(range.first, gateway::IsStored{}, g.done);
            }
        } else if (auto* job = std::get_if<JobAnswer>(&answer)) {
            g.pending.answer(*request, std::move(*job), g.done);
        } else if (request == kStats) {
            g.stats.answered = now_;
        }
    }
    gateway_answers();
}

} // namespace penstock::sim
