# Bugs that the simulation must find: each is one line of a machine, changed in a copy at build
# time (planted.cmake).
#
# penstock_planted_bug(NAME FILE OLD NEW)
# penstock_planted_bug_in_header(NAME FILE USER OLD NEW): USER, the only file of the simulation that
# calls what is changed, is compiled with the copy
function(penstock_planted_bug name file old new)
    penstock_plant(copy ${name} ${file} "${old}" "${new}")
    # The copy comes first, so that the library's own object is never asked for.
    add_executable(sim_${name} ${copy} $<TARGET_OBJECTS:sim_main>)
    target_link_libraries(sim_${name} PRIVATE sim_world)
    penstock_must_find(${name})
endfunction()

function(penstock_planted_bug_in_header name file user old new)
    penstock_plant(copy ${name} ${file} "${old}" "${new}")
    # As above: what the copy is in comes before the library.
    add_executable(sim_${name} $<TARGET_OBJECTS:sim_main> ${user})
    target_include_directories(sim_${name} BEFORE PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/planted/${name})
    target_link_libraries(sim_${name} PRIVATE sim_world)
    penstock_must_find(${name})
endfunction()

function(penstock_must_find name)
    add_test(NAME sim.finds.${name} COMMAND sim_${name} ${sim_seeds} --must-find)
    set_tests_properties(sim.finds.${name} PROPERTIES LABELS sim)
endfunction()

set(sim_seeds --seeds 5000)
penstock_planted_bug(forgets_whom_a_dead_lane_held ventilator/dispatcher_lanes.cpp
    "    if (blame) suspects = maybe_running(lane);"
    "    if (blame) return;")
penstock_planted_bug(keeps_the_credit_of_a_dead_attempt ventilator/dispatcher_lanes.cpp
    "    if (--lane.outstanding == 0) lane.alone = false;"
    "")
penstock_planted_bug(runs_twice_what_must_not ventilator/dispatcher_lanes.cpp
    "    return !record.terms->first.redeliver;"
    "    return false;")
penstock_planted_bug(gives_credit_back_twice ventilator/dispatcher_lanes.cpp
    "    ++lane.outstanding;\n    ++lane.ghosts;"
    "    ++lane.ghosts;")
penstock_planted_bug(obeys_a_late_failure ventilator/dispatcher.cpp
    "if (index == kNoIndex || records_[index].attempt != row.attempt) {"
    "if (index == kNoIndex) {")
penstock_planted_bug(lets_the_last_outcome_win sink/ledger_results.cpp
    "    if (is_final(r.state)) {\n        ++r.kind->duplicates;"
    "    if (false) {\n        ++r.kind->duplicates;")
penstock_planted_bug(forgets_deaths sink/ledger.cpp
    "        if (row.suspect) ++r.deaths;"
    "        if (row.suspect) r.deaths = 1;")
penstock_planted_bug(leaves_a_dead_ventilators_jobs sink/offers.cpp
    "        if (!is_orphan) continue;"
    "        continue;")
penstock_planted_bug(offers_a_job_to_one_ventilator_only sink/offers.cpp
    "        records_[index].custody = Custody::waiting;\n        links_.push_front(offers_.waiting, index);"
    "")
penstock_planted_bug(says_nothing_of_what_ended_on_offer sink/offers.cpp
    "            out.settled.rows.push_back({mine, 1, 0, 0});"
    "")
penstock_planted_bug(does_not_look_at_labels ventilator/roster.cpp
    "    if (!has_all(pool.labels, line.needs)) return;"
    "")
penstock_planted_bug(forgets_that_a_line_has_jobs ventilator/dispatcher_lines.cpp
    "        if (line.waiting.occupied() != before) begin(line, priority);"
    "        if (before == 0) begin(line, priority);")
penstock_planted_bug(starts_one_more_than_may ventilator/dispatcher_limits.cpp
    "        out = used < *set.max_running ? *set.max_running - used : 0;"
    "        out = 1;")
penstock_planted_bug(frees_a_slot_before_its_call_is_over ventilator/dispatcher_lanes.cpp
    "    lane.leave_call(r.call);"
    "    if (r.call > 0) --lane.calls[r.call - 1];")
penstock_planted_bug(calls_back_before_the_last_member sink/groups.cpp
    "    const bool ends = group.finished == group.members &&"
    "    const bool ends = group.finished + 1 >= group.members &&")
penstock_planted_bug(gathers_results_in_another_order sink/groups.cpp
    "        const Record& r = records_[member(group, i)];"
    "        const Record& r = records_[member(group, group.members - 1 - i)];")
penstock_planted_bug(gives_the_wrong_step_its_result sink/groups.cpp
    "            const Index previous = member(group, group.step - 1);"
    "            const Index previous = member(group, 0);")
penstock_planted_bug(takes_nothing_for_a_rate ventilator/dispatcher_limits.cpp
    "    if (set.rate && jobs > 0) kind.rate.take(*set.rate, jobs, now);"
    "")
penstock_planted_bug(sends_the_least_urgent_first ventilator/pool.cpp
    "    int best = static_cast<int>(std::bit_width(occupied_)) - 1;"
    "    int best = static_cast<int>(std::countr_zero(occupied_));")
penstock_planted_bug(runs_both_callbacks sink/groups.cpp
    "stop(spared, {\"not-needed\", \"its group ended otherwise\", false}, now, out);"
    "call_back(spared, group, now, out);")
penstock_planted_bug(forgets_the_callback_that_is_not_needed sink/groups.cpp
    "if (is_open(spared))"
    "if (false)")
penstock_planted_bug(runs_a_chain_at_once sink/group_questions.cpp
    "        const bool is_first = group.mode != GroupMode::chain || order == group.first_order;"
    "        const bool is_first = true;")
# ---- what has to survive the death of a sink with a store, and of a ventilator
penstock_planted_bug(forgets_what_was_on_offer sink/ledger_restored.cpp
    "        if (r.custody == Custody::waiting) hand_over(index);"
    "")
penstock_planted_bug(forgets_what_older_ventilators_had sink/ledger_restored.cpp
    "    seek_orphans(); // what ventilators before the newest had open"
    "")
penstock_planted_bug(does_not_say_what_has_ended sink/ledger_kept.cpp
    "                out.settled.rows.push_back({number, 1, 0, 0});\n                continue;"
    "                continue;")
penstock_planted_bug(takes_what_is_stored_again_for_a_duplicate sink/ledger.cpp
    "            if (m.again && store_again(known, mine, out)) continue;"
    "")
penstock_planted_bug(does_not_ask_again_what_was_lost ventilator/dispatcher_lives.cpp
    "            out.to_sink.emplace_back(Lost{\"\", {{r.number, r.attempt, r.suspect}}});"
    "            continue;")
penstock_planted_bug(forgets_a_decision_with_its_sink ventilator/dispatcher_lives.cpp
    "            out.to_sink.emplace_back(final_of(r));"
    "            continue;")
penstock_planted_bug(lets_an_old_ventilator_in sink/ledger.cpp
    "    if (!holds_newest && hello.epoch != 0 && hello.epoch < epoch_) {"
    "    if (false) {")
penstock_planted_bug(ends_the_wrong_ghost ventilator/dispatcher_lanes.cpp
    "    auto ghost = ghosts_.find({number, attempt});"
    "    auto ghost = ghosts_.lower_bound({number, 0});")
# ---- what lies between ventilator and sink, and what the sink holds back
penstock_planted_bug_in_header(accepts_a_gap protocol/link.hpp sim/world.cpp
    "        if (head.seq > got_ + 1) {"
    "        if (false) {")
penstock_planted_bug(speaks_before_it_is_written sink/unsaid.cpp
    "    waiting_ = std::exchange(burst_, {});"
    "    next.say = std::exchange(burst_, {});")
penstock_planted_bug(tells_a_ventilator_what_was_for_another_one sink/unsaid.cpp
    "    if (!answer.remembers) { // else it is all for this one"
    "    if (false) {")
penstock_planted_bug(does_not_say_again_what_a_break_lost sink/unsaid.cpp
    "    if (!is_new) return link.rewind(0);"
    "    if (!is_new) return;")
penstock_planted_bug(answers_202_for_what_was_refused gateway/pending.cpp
    "    slot.bulk.failed.push_back({row, job != nullptr ? std::move(*job) : JobAnswer{}});"
    "")
penstock_planted_bug(takes_silence_for_stored gateway/pending.cpp
    "        for (std::uint32_t row = 0; row < slot.rows; ++row) answer_row(slot, row, JobAnswer(late));"
    "")
penstock_planted_bug(tells_of_a_failure_only_once sink/ledger_results.cpp
    "        w.failed_epoch = epoch;\n"
    "")
penstock_planted_bug(keeps_the_credit_of_what_was_taken_away ventilator/dispatcher.cpp
    "        end_ghost(row.number, row.attempt); // it was taken away from its lane\n"
    "")
penstock_planted_bug(waits_a_minute_for_what_a_join_names ventilator/dispatcher_lanes.cpp
    "ghost.named ? limits_.silence : limits_.silent_limit"
    "limits_.silent_limit")

# ---- the rules of scheduling, in fair weather
set(sim_seeds --fair --seeds 300)
penstock_planted_bug(ends_an_attempt_before_its_time_is_up ventilator/dispatcher.cpp
    "    if (r.stage == Stage::out) when = r.dispatched + r.kind->timeout(r.terms->first);"
    "    if (r.stage == Stage::out) when = r.dispatched + r.kind->timeout(r.terms->first) / 2;")
penstock_planted_bug(tells_nobody_that_its_time_is_up ventilator/dispatcher.cpp
    "        out.to_lanes.push_back({roster_[r.lane].id, false, cancel_of(r)});\n        make_ghost(index);\n        decide_failure"
    "        make_ghost(index);\n        decide_failure")
penstock_planted_bug(never_tries_again_what_took_too_long ventilator/dispatcher.cpp
    "        decide_failure(index, true, Reason::timeout, now, out);"
    "        decide_failure(index, false, Reason::timeout, now, out);")
penstock_planted_bug(sends_a_batch_before_it_is_full ventilator/dispatcher_batches.cpp
    "    share.is_gathering = waiting < full && !is_over;"
    "    share.is_gathering = waiting + 1 < full && !is_over;")
penstock_planted_bug(keeps_a_full_batch_waiting ventilator/dispatcher_batches.cpp
    "    share.is_gathering = waiting < full && !is_over;"
    "    share.is_gathering = waiting <= full && !is_over;")
penstock_planted_bug(counts_on_what_another_pool_took ventilator/dispatcher_batches.cpp
    "    gather(pool, index, now); // another pool may have taken what it counted on"
    "")
penstock_planted_bug(fails_the_neighbours_of_a_failure sink/ledger_results.cpp
    "        const ResultRow& row = result.rows[i];"
    "        ResultRow row = result.rows[i];\n        row.failure = result.rows[0].failure;")
penstock_planted_bug(does_not_say_that_pieces_are_lost sink/partials.cpp
    "        of.kept.push_back({attempt, true, Blob()});"
    "")
penstock_planted_bug(gives_a_piece_twice sink/partials.cpp
    "        ++out.next;"
    "        if (i + 1 < of.kept.size() || i == from) ++out.next;")
penstock_planted_bug(takes_pieces_of_what_is_over sink/ledger_watched.cpp
    "    if (is_over(r, partial.attempt)) return;"
    "")
penstock_planted_bug(shows_how_far_an_attempt_before_was sink/ledger_watched.cpp
    "    if (r.state != State::running || attempt != r.attempt) forget_progress(r);"
    "")
penstock_planted_bug_in_header(leaves_out_a_number_of_an_event sink/chronicle.hpp sim/events.cpp
    "        return std::exchange(events_, {});"
    "        ++next_;\n        return std::exchange(events_, {});")
penstock_planted_bug(tells_of_a_job_that_has_ended sink/ledger.cpp
    "    note(r, event_of(state));"
    "    note(r, event_of(state));\n    note(r, Event::What::running);")
penstock_planted_bug(is_full_while_somebody_listens sink/ledger_watched.cpp
    "    Event& event = chronicle_.write();"
    "    is_full_ = what == Event::What::failed;\n    Event& event = chronicle_.write();")
penstock_planted_bug(does_not_say_that_a_limit_is_reached ventilator/dispatcher_explain.cpp
    "    } else if (settings.max_running && kind.running + kind.ghosts >= *settings.max_running) {"
    "    } else if (settings.max_running && kind.running + kind.ghosts > *settings.max_running) {")
penstock_planted_bug(says_paused_of_a_kind_without_workers ventilator/dispatcher_explain.cpp
    "    } else if (settings.paused.value_or(false)) {"
    "    } else if (settings.paused.value_or(!has_claim)) {")
penstock_planted_bug(says_the_whole_delay ventilator/dispatcher_explain.cpp
    "out.start_in = std::max(0.0, seconds(r.due - now));"
    "out.start_in = std::max(0.0, seconds(r.due - r.arrived));")
penstock_planted_bug(forgets_the_turn_of_another_tenant ventilator/waiting.cpp
    "(turns + (stands_before ? 1 : 0)) * turn;"
    "turns * turn;")
penstock_planted_bug(estimates_as_for_one_slot ventilator/dispatcher_explain.cpp
    "    double pace = kind.pace.per_run() * at_once;"
    "    double pace = kind.pace.per_run();")
penstock_planted_bug(estimates_without_the_rate ventilator/dispatcher_explain.cpp
    "    if (by_rate) { // when it may is known"
    "    if (false) {")
