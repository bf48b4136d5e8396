#pragma once
// One question of a session that is under way, and the promise to answer it, which the hub of the
// same thread holds. Every promise is kept once: by an answer, or by silence. One that is dropped
// at the end of the process drops the waiting coroutine with it.

#include "protocol/questions.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace penstock::gateway {

struct BulkAnswer {
    struct Failed {
        std::uint32_t row = 0; // in the order that they were given
        JobAnswer answer;
    };

    std::vector<Failed> failed; // the others are stored
};

struct IsStored {}; // the job

using Said = std::variant<std::monostate, IsStored, JobAnswer, ListAnswer, SinkStats, CancelAnswer,
                          KindAnswer, Room, Workers, DispatchStats, BulkAnswer, PartialsAnswer,
                          GroupAnswer, ManyAnswer, Positions, Explanation>;

struct Answer {
    enum class What : std::uint8_t {
        answered,
        silent, // nothing came in time
        unsent, // it never left: certainly not accepted
        gone,   // the client hung up; nobody needs an answer
    };
    What what = What::silent;
    Said said;

    template <class T>
    [[nodiscard]] T* get() {
        return what == What::answered ? std::get_if<T>(&said) : nullptr;
    }
};

class Call {
public:
    // Completes when finish() is called. REQUIRES: not finished yet, awaited once.
    template <class Token>
    auto async_wait(Token&& token) {
        return boost::asio::async_initiate<Token, void()>(Keep{this}, token);
    }

    // A second answer is dropped.
    void finish(Answer&& answer) {
        if (done_) return;
        done_ = true;
        answer_ = std::move(answer);
        auto waiter = std::move(waiter_);
        if (waiter) waiter();
    }

    void abandon() {
        done_ = true;
        const auto waiter = std::move(waiter_); // destroys the coroutine
    }

    [[nodiscard]] bool done() const { return done_; }

    [[nodiscard]] Answer& answer() { return answer_; } // once it is there

    Answer take() { return std::move(answer_); }

private:
    using Waiter = boost::asio::any_completion_handler<void()>;

    struct Keep {
        Call* call;

        template <class Handler>
        void operator()(Handler&& handler) const {
            // Not by assignment: in Boost 1.81 that wraps the handler in itself without end.
            Waiter waiter(std::forward<Handler>(handler));
            waiter.swap(call->waiter_);
        }
    };

    Waiter waiter_;
    Answer answer_;
    bool done_ = false;
};

class Promise {
public:
    Promise() = default;

    explicit Promise(std::shared_ptr<Call> call) : call_(std::move(call)) {}

    ~Promise() {
        if (call_) call_->abandon();
    }

    Promise(Promise&& other) noexcept : call_(std::move(other.call_)) {}

    Promise& operator=(Promise&& other) noexcept {
        std::swap(call_, other.call_);
        return *this;
    }

    void keep(Answer&& answer) {
        const auto call = std::move(call_);
        if (call) call->finish(std::move(answer));
    }

private:
    std::shared_ptr<Call> call_;
};

struct Completed {
    Promise promise;
    Answer answer;
    std::uint32_t burst = 0; // that it was in
};

} // namespace penstock::gateway
