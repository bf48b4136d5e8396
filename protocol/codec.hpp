#pragma once
// Frames to messages and back: docs/PROTOCOL.md, one function per socket.
//
// A frame holds one message (a map) or an array of messages. Unknown keys and unknown types are
// skipped; a message of a known type with a wrong field makes the whole frame an error, which says
// which field and what it must be. Decoded views point into the frame.

#include "protocol/questions.hpp"
#include "protocol/wire.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace penstock {

template <class Message>
struct Decoded {
    std::vector<Message> messages;
    std::string error; // not empty: nothing in `messages` counts
};

template <class Question>
struct Asked {
    Request request;
    Question question;
};

Decoded<VentilatorFact> decode_ventilator_door(Reader& reader, std::string_view frame);
Decoded<SinkFact> decode_sink_door(Reader& reader, std::string_view frame);
Decoded<LaneMessage> decode_lane(Reader& reader, std::string_view frame);
Decoded<Asked<ControlQuestion>> decode_control(Reader& reader, std::string_view frame);
Decoded<Asked<StatusQuestion>> decode_status(Reader& reader, std::string_view frame);
// For those who asked. A `problem` answer comes as an error of the frame.
Decoded<Asked<ControlAnswer>> decode_control_answer(Reader& reader, std::string_view frame);
Decoded<Asked<StatusAnswer>> decode_status_answer(Reader& reader, std::string_view frame);

std::string encode(const Submit& message);
std::string encode(const Heartbeat& message);
std::string encode(const Bye& message);
std::string encode(const LinkHead& head, const ToSink& message);
std::string encode(const LinkHead& head, const FromSink& message);
std::string encode(const Result& message);
std::string encode_plain(const Result& message); // REQUIRES: one row
std::string encode(const Progress& message);
std::string encode(const Partial& message);
std::string encode(const JobBatch& message);
std::string encode_plain(const JobBatch& message, const JobRow& row); // one map, payload in place
std::string encode(const CancelJob& message);
std::string encode(const Ping& message);
std::string encode(const Drain& message);
std::string encode(const SettledJobs& message);

std::string encode(Request request, const ControlQuestion& question);
std::string encode(Request request, const ControlAnswer& answer);
std::string encode(Request request, const StatusQuestion& question);
std::string encode(Request request, const StatusAnswer& answer);
std::string encode(Request request, const Problem& problem);

// Several encoded messages as one array frame.
std::string join_frames(const std::vector<std::string>& messages);

// The same number for the same body (is_same_body), whoever computes it.
std::uint64_t body_digest(const Terms& terms, Bytes payload);

// A kind or a worker's name: 1-128 characters of [A-Za-z0-9._-].
bool is_name(std::string_view text);
bool is_utf8(std::string_view text);

} // namespace penstock
