#pragma once
// A dispatcher whose kinds have settings.

#include "tests/support/settings.hpp"
#include "tests/unit/dispatcher_fixture.hpp"

namespace penstock::ventilator {

class DispatcherKindsTest : public DispatcherTest {
protected:
    void set(const std::string& kind, const KindSettings& settings) {
        tell(Kinds{{{kind, settings}}});
    }

    DispatchKind stats(const std::string& kind) {
        for (const auto& each : machine.stats(now).kinds) {
            if (each.kind == kind) return each;
        }
        return {};
    }

    // Of the only `kinds` message that was said.
    std::vector<Kinds::Row> told() {
        const auto messages = all_of<Kinds>(said.to_sink);
        EXPECT_EQ(messages.size(), 1u);
        return messages.empty() ? std::vector<Kinds::Row>() : messages[0].rows;
    }
};

} // namespace penstock::ventilator
