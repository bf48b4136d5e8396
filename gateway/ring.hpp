#pragma once
// The newest events of one thread, and the sessions that listen to them. A listener holds places in
// the ring and no events: one that reads slowly costs a fixed amount of memory, and is told how
// many it has missed. Pure: events and the time go in, calls to be finished come out.

#include "gateway/call.hpp"
#include "gateway/selection.hpp"
#include "protocol/events.hpp"
#include "protocol/time.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penstock::gateway {

struct Told { // an event, as it was told
    std::uint64_t number = 0;
    double at = 0; // unix seconds
    Event event;
    std::string data; // as JSON, once somebody wanted it
};

// Which event a client saw last: "LIFE.NUMBER".
struct Mark {
    std::uint64_t life = 0, number = 0;

    static std::optional<Mark> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
};

class Ring {
public:
    static constexpr std::size_t kEventsMax = 10'000; // kept, and owed to one listener
    static constexpr std::size_t kBytesMax = 16u << 20; // of those that are kept, about

    class Listener { // in the ring from its making to its end; the ring outlives it
    public:
        Listener(Ring& ring, Selection selection);
        ~Listener();
        Listener(const Listener&) = delete;
        Listener& operator=(const Listener&) = delete;

        // What the client missed since `seen`, as far as it is still there.
        void replay(const Mark& seen);
        // What it is to be shown next: an event, or how many it will never see. Neither: nothing.
        struct Next {
            Told* told = nullptr;
            std::uint64_t missed = 0; // of all kinds, and at least so many
            bool restart = false;     // another life of the sink: nobody knows how many

            [[nodiscard]] bool is_gap() const { return missed > 0 || restart; }
        };
        [[nodiscard]] Next next();

        // Finished when there is something to take, with `silent` when the time is up.
        void wait(std::shared_ptr<Call> call, Instant until);
        void stop_waiting() { call_ = nullptr; }

        [[nodiscard]] bool has_news() const { return !due_.empty(); }

    private:
        friend class Ring;
        struct Gap {
            std::uint64_t events = 0;
            bool restart = false;
        };
        // A place in the ring, or with this bit a gap: behind it how many events, and whether there
        // was a restart.
        static constexpr std::uint64_t kGap = 1ull << 63, kRestart = 1ull << 62;

        void owe(std::uint64_t place);
        void miss(Gap gap);

        Ring& ring_;
        const Selection selection_;
        std::deque<std::uint64_t> due_;
        std::shared_ptr<Call> call_;
        Instant until_ = kNever;
    };

    using Calls = std::vector<std::shared_ptr<Call>>; // that are to be finished now

    Calls take(Events&& events);
    [[nodiscard]] Calls overdue(Instant now); // whose time is up
    [[nodiscard]] Calls everybody();          // who waits
    void forget();                            // nobody tells any more: begin anew

    [[nodiscard]] bool is_live() const { return life_ != 0; } // the sink has spoken

    [[nodiscard]] Mark newest() const { return {life_, next_ - 1}; }

    [[nodiscard]] std::size_t listeners() const { return listeners_.size(); }

private:
    void keep(Told told);
    void drop_all();
    void note_gap(const Events& events, Calls& calls);
    void tell(std::uint64_t place, const Event& event, Calls& calls);
    static void wake(Listener& listener, Calls& calls);
    std::vector<Listener*>& seats(const Selection& selection);

    [[nodiscard]] std::uint64_t end() const { return begin_ + events_.size(); }

    std::deque<Told> events_;
    std::size_t bytes_ = 0;   // of them
    std::uint64_t begin_ = 0; // the place of the first of them
    std::uint64_t life_ = 0, next_ = 1;
    std::vector<Listener*> listeners_; // all
    // By what they listen to: an event is shown to few of them.
    std::unordered_map<std::string, std::vector<Listener*>> of_job_, of_group_;
    std::vector<Listener*> of_any_;
};

} // namespace penstock::gateway
