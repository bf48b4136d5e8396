#pragma once
// A job's whole way without a socket: submit frame, dispatcher, store, ledger, lane frame, an echo
// for a worker, result, ledger, settled, dispatcher. Everything is encoded and decoded as the shells
// do it, so that what is counted here (allocations, instructions) is what a job costs there, less
// the system's share.

#include "protocol/codec.hpp"
#include "sink/ledger.hpp"
#include "ventilator/dispatcher.hpp"

#include <random>
#include <string>
#include <vector>

namespace penstock::testing {

class JobPath {
public:
    explicit JobPath(std::uint32_t rows) : rows_(rows) {
        ledger_.hello(hello(), 7);
        dispatcher_.sink_up(7, 1, false, commands_);
        Join join;
        join.kinds = {"echo"};
        join.slots = 1'000;
        join.batch = true;
        dispatcher_.lane_up(dispatcher_.join(join, now_.at, commands_).lane, now_.at);
    }

    // Frames are made before what they cost is counted: that is the submitter's own.
    [[nodiscard]] std::string submit_frame() {
        Submit submit;
        submit.terms.kind = "echo";
        const std::string payload = "\xc4\x62" + std::string(98, 'x');
        for (std::uint32_t i = 0; i < rows_; ++i) {
            submit.rows.push_back({make_uuid7(1, random_(), random_()), payload});
        }
        return encode(submit);
    }

    // From the submit frame until the dispatcher has forgotten the jobs.
    void run(const std::string& frame) {
        now_.at += std::chrono::microseconds(100);
        now_.wall += std::chrono::microseconds(100);
        auto submitted = decode_ventilator_door(reader_, frame);
        dispatcher_.on(std::get<Submit>(std::move(submitted.messages.at(0))), now_.at, commands_);
        dispatcher_.pump(now_.at, commands_);
        to_ledger();     // store
        to_dispatcher(); // stored: jobs go to the lane
        for (const auto& to : commands_.to_lanes) work(std::get<JobBatch>(to.message));
        commands_.to_lanes.clear();
        to_dispatcher(); // settled
        dispatcher_.tick(now_.at, commands_);
    }

    [[nodiscard]] std::uint64_t settled() const { return settled_; }
    [[nodiscard]] std::size_t open() const { return dispatcher_.open_jobs(); }

private:
    static Hello hello() {
        Hello hello;
        hello.instance = 1;
        return hello;
    }

    void to_ledger() {
        for (const ToSink& message : commands_.to_sink) {
            const std::string frame = encode(LinkHead{1, ++seq_, 0}, message);
            for (auto& fact : decode_sink_door(reader_, frame).messages) {
                ledger_.on(std::get<Linked<ToSink>>(fact).message, now_, facts_);
            }
        }
        commands_.to_sink.clear();
    }

    void to_dispatcher() {
        say(std::exchange(facts_.stored, {}));
        say(std::exchange(facts_.settled, {}));
        dispatcher_.pump(now_.at, commands_);
    }

    template <class Message>
    void say(Message message) {
        if (message.rows.empty()) return;
        const std::string frame = encode(LinkHead{1, ++said_, 0}, FromSink(std::move(message)));
        for (auto& fact : decode_ventilator_door(reader_, frame).messages) {
            dispatcher_.on(std::get<Linked<FromSink>>(fact).message, now_.at, commands_);
        }
    }

    void work(const JobBatch& batch) {
        const std::string frame = encode(batch);
        Result result;
        result.worker = "w";
        const auto decoded = decode_lane(reader_, frame);
        const auto& jobs = std::get<JobBatch>(decoded.messages.at(0));
        result.epoch = jobs.epoch;
        result.rows.reserve(jobs.rows.size());
        for (const JobRow& row : jobs.rows) {
            result.rows.push_back({row.id, row.attempt, 1, row.payload, std::nullopt});
        }
        settled_ += jobs.rows.size();
        const std::string answer = encode(result);
        for (const auto& fact : decode_sink_door(reader_, answer).messages) {
            ledger_.on(std::get<Result>(fact), now_, facts_);
        }
    }

    static sink::Limits few_finished() {
        sink::Limits limits;
        limits.finished_max = 10'000; // so that what is kept is a steady state
        return limits;
    }

    const std::uint32_t rows_;
    Now now_{Instant(std::chrono::hours(1)), WallTime(std::chrono::hours(1))};
    ventilator::Dispatcher dispatcher_{ventilator::Limits(), 42, now_.at};
    sink::Ledger ledger_{few_finished(), 42, now_.at};
    ventilator::Outbox commands_;
    sink::Outbox facts_;
    Reader reader_;
    std::mt19937_64 random_{1};
    std::uint64_t seq_ = 0, said_ = 0, settled_ = 0;
};

} // namespace penstock::testing
