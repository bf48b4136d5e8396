#pragma once
// What holds for a kind, as people write it: NAME:max_running=1,rate=10. Several in one text are
// parted by semicolons, since a variable of the environment has one value only.

#include "protocol/terms.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

using KindSettingsByName = std::map<std::string, KindSettings>;

// Adds them to `out`; a later text about a kind wins field by field. What is wrong, in words; empty:
// nothing is.
std::string read_kind_settings(std::string_view text, KindSettingsByName& out);

// One setting: "rate" and "10". What is wrong, in words; empty: nothing is.
std::string read_kind_setting(std::string_view name, const std::string& value, KindSettings& out);

// Throws Quit(usage) at the first that is wrong.
KindSettingsByName kind_settings_of(const std::vector<std::string>& texts);

} // namespace penstock::cli
