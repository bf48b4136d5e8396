#pragma once
// A house with a gateway, and how tests talk to it.

#include "tests/integration/processes.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace penstock::testing {

inline bool holds(const std::string& body, const std::string& part) {
    return body.find(part) != std::string::npos;
}

class HttpTest : public ::testing::Test {
protected:
    void SetUp() override {
        sink_ = std::make_unique<Process>(house_.sink());
        ventilator_ = std::make_unique<Process>(house_.ventilator({}));
        gateway_ = std::make_unique<Process>(house_.gateway({}));
        ASSERT_TRUE(eventually([&] { return house_.get("/readyz").status == 200; }));
    }

    HttpAnswer post(const std::string& path, const std::string& body) {
        return house_.http_request("POST", path, &body, "application/json");
    }

    House house_;
    std::unique_ptr<Process> sink_, ventilator_, gateway_;
};

} // namespace penstock::testing
