// The contract and the table of routes say the same.

#include "gateway/calendar.hpp"
#include "gateway/job_fields.hpp"
#include "gateway/openapi.hpp"
#include "gateway/problem.hpp"
#include "gateway/routes.hpp"

#include <boost/json/parse.hpp>
#include <algorithm>
#include <gtest/gtest.h>
#include <set>

namespace penstock::gateway {
namespace {

namespace json = boost::json;

json::object contract() {
    return json::parse({openapi_json().data(), openapi_json().size()}).as_object();
}

std::string lowered(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), ::tolower);
    return out;
}

TEST(GatewayOpenapi, HasEveryRouteAndNoOther) {
    std::set<std::string> served, written;
    for (const auto& route : list_routes()) served.insert(lowered(route.method) + " " + route.path);
    const json::object whole = contract();
    for (const auto& [path, methods] : whole.at("paths").as_object()) {
        for (const auto& [method, operation] : methods.as_object()) {
            written.insert(std::string(method) + " " + std::string(path));
        }
    }
    EXPECT_EQ(written, served);
}

TEST(GatewayOpenapi, EveryRouteOfTheTableIsFoundByItsPath) {
    for (const auto& listed : list_routes()) {
        std::string path = listed.path;
        for (const char* name : {"{id}", "{kind}"}) {
            if (const auto at = path.find(name); at != std::string::npos) {
                path.replace(at, std::string_view(name).size(), "x");
            }
        }
        Head head;
        head.target = path;
        ASSERT_TRUE(read_target(head)) << path;
        for (const Method method : {Method::get, Method::post, Method::patch, Method::remove}) {
            if (to_string(method) == listed.method) head.method = method;
        }
        const Routed to = route(head, {true, {}});
        EXPECT_TRUE(std::holds_alternative<Command>(to.what)) << listed.method << " " << path;
    }
}

void find_references(const json::value& value, std::set<std::string>& found) {
    if (const auto* list = value.if_array()) {
        for (const auto& element : *list) find_references(element, found);
    }
    const auto* object = value.if_object();
    if (object == nullptr) return;
    for (const auto& [key, element] : *object) {
        if (key == "$ref") found.insert(std::string(element.as_string()));
        find_references(element, found);
    }
}

TEST(GatewayOpenapi, NamesNothingThatIsNotThere) {
    const json::value whole(contract());
    std::set<std::string> found;
    find_references(whole, found);
    for (const auto& reference : found) {
        EXPECT_NO_THROW(whole.at_pointer(reference.substr(1))) << reference;
    }
}

// A value that the schema of a field allows.
json::value example_of(const std::string& field) {
    static const json::object kExamples = {
        {"kind", "k"},        {"payload", json::object()}, {"id", "j"},
        {"priority", 9},      {"delay", 1},                {"run_at", "2030-01-01T00:00:00Z"},
        {"ttl", 1},           {"deadline", "2030-01-01T00:00:00Z"},
        {"timeout", 1},       {"max_attempts", 2},         {"backoff", 1},
        {"redeliver", false}, {"tags", {"a"}},             {"tenant", "t"},
        {"needs", {"gpu"}},   {"then", {{"kind", "b"}}},   {"on_failure", {{"kind", "c"}}}};
    return kExamples.contains(field) ? kExamples.at(field) : json::value();
}

TEST(GatewayOpenapi, EveryFieldOfAJobIsOneThatIsTaken) {
    const json::object all = contract();
    const auto& fields = all.at("components").at("schemas").at("JobRequest").at("properties");
    for (const auto& [name, schema] : fields.as_object()) {
        json::object job = {{"kind", "k"}};
        job[name] = example_of(std::string(name));
        const CheckedJob checked = read_job(job, *parse_rfc3339("2029-12-01T00:00:00Z"));
        EXPECT_TRUE(std::holds_alternative<JobRequest>(checked)) << name;
    }
    EXPECT_EQ(fields.as_object().size(), 17u) << "and no field is left out";
}

} // namespace
} // namespace penstock::gateway
