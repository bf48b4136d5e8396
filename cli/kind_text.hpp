#pragma once
// What holds for a kind, as people read it: "paused, 3 at a time, 10/s". Pure.

#include <boost/json/object.hpp>
#include <string>

namespace penstock::cli {

// `settings` is what the gateway says of them; "-" if nothing is set.
std::string settings_text(const boost::json::object& settings);

} // namespace penstock::cli
