// What is asked of the ventilator and the sink for a request, and what becomes of it when they are
// silent, refuse, or the gateway leaves. The others are played by the test.

#include "tests/support/jobs.hpp"
#include "tests/support/played_house.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

namespace penstock::gateway {
namespace {

using namespace penstock::testing;

JobView finished(const JobId& job) {
    JobView out;
    out.id = job;
    out.kind = "k";
    out.state = State::succeeded;
    return out;
}

JobAnswer said(Found found, std::string why = "") {
    JobAnswer out;
    out.found = found;
    out.why = std::move(why);
    return out;
}

class GatewayAsking : public PlayedHouse {
protected:
    // What nobody answers is silence at once.
    template <class Command>
    Reply answer_in_silence(Command command, std::string body = "") {
        Client client(*shard, std::move(body));
        ask(client, std::move(command));
        EXPECT_TRUE(until([&] { return !open.empty(); }));
        shard->hub.give_up();
        EXPECT_TRUE(until([&] { return client.reply.has_value(); }));
        return client.reply.value_or(Reply{});
    }

    std::size_t waits_asked = 0;

    // Nothing is finished, and each wait is answered like this.
    void answer_waits(const JobAnswer& how) {
        on_status = [this, how](const StatusQuestion& question) -> std::optional<StatusAnswer> {
            if (std::holds_alternative<AskStatus>(question)) return said(Found::found);
            ++waits_asked;
            return how;
        };
    }
};

const std::string kWaitForTwo = R"({"ids":["a","b"],"timeout":60})";

// ---- kinds --------------------------------------------------------------------------------

TEST_F(GatewayAsking, ABodyAsksOnceWhoServesItsKinds) {
    room.takes_any_kind = false;
    room.kinds = {"known"};
    ASSERT_TRUE(until([&] { return !shard->board->room.takes_any_kind; }));
    std::string body = "[";
    for (int i = 0; i < 50; ++i) {
        const std::string kind = "\"kind\":\"nobodys" + std::to_string(i % 5) + "\"";
        body += "{" + kind + "},{\"kind\":\"known\",\"then\":{" + kind + "}},";
    }
    body.back() = ']';
    const Reply reply = answer(SubmitBulk{}, body);
    EXPECT_EQ(reply.status, 422) << reply.body;
    EXPECT_EQ(asked_of_ventilator, 1u);
}

TEST_F(GatewayAsking, NobodyIsAskedAboutKindsOnTheBoard) {
    room.takes_any_kind = false;
    room.kinds = {"known"};
    ASSERT_TRUE(until([&] { return !shard->board->room.takes_any_kind; }));
    Client client(*shard, R"([{"kind":"known"},{"kind":"known"}])");
    ask(client, SubmitBulk{});
    EXPECT_TRUE(until([&] { return submits > 0; }));
    EXPECT_EQ(asked_of_ventilator, 0u);
    shard.reset();
}

} // namespace
} // namespace penstock::gateway
