#pragma once
// What a machine said, brought down to what is compared: a CRC over all of it, without the bytes that
// jobs carry (of those, how many), and how much there was of each sort.

#include "protocol/codec.hpp"
#include "record/tape.hpp"

#include <string>
#include <string_view>

namespace penstock::record {

std::string_view name_of(const VentilatorFact& fact);
std::string_view name_of(const SinkFact& fact);
std::string_view name_of(const ToSink& message);
std::string_view name_of(const FromSink& message);
std::string_view name_of(const LaneMessage& message);
std::string_view name_of(const ControlQuestion& question);
std::string_view name_of(const StatusQuestion& question);

class Spoken {
public:
    void add(const ToSink& message);
    void add(const FromSink& message);
    void add(const LaneMessage& message);
    void add(const ControlAnswer& answer);
    void add(Request request, const StatusAnswer& answer);

    // What is no message: any values, which count as `much` of this sort.
    template <class... Values>
    void add(std::string_view sort, std::uint64_t much, const Values&... values) {
        count(sort, much);
        Writer writer(text_);
        (put(writer, values), ...);
    }

    [[nodiscard]] bool empty() const { return counts_.empty(); }

    [[nodiscard]] Said take(); // and begins anew

private:
    static void put(Writer& w, std::uint64_t value) { w.natural(value); }
    static void put(Writer& w, std::string_view value) { w.text(value); }
    static void put(Writer& w, const JobId& value) { w.id(value); }
    static void put_terms(Writer& w, const Terms& terms);

    void count(std::string_view sort, std::uint64_t much);
    void say(const Store& m);
    void say(const Take& m);
    void say(const JobBatch& m);

    std::string text_;
    std::vector<std::pair<std::string_view, std::uint64_t>> counts_;
};

} // namespace penstock::record
