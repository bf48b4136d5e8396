# Real processes that are killed at random; tests/chaos/run says how.
add_executable(chaos_worker ${CMAKE_CURRENT_SOURCE_DIR}/chaos/worker.cpp)
target_link_libraries(chaos_worker PRIVATE worker penstock_warnings)

add_test(NAME chaos.check COMMAND ${PYTHON3} -B ${CMAKE_CURRENT_SOURCE_DIR}/chaos/check_test.py)
set_tests_properties(chaos.check PROPERTIES LABELS python TIMEOUT 60)

# A run takes the whole machine, so that nothing else of this size goes on beside it.
set(chaos_run ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/chaos/run --worker $<TARGET_FILE:chaos_worker>)
set(chaos_properties LABELS chaos PROCESSORS 2 RESOURCE_LOCK chaos TIMEOUT 900)

# The program NAME: that of SOURCES, which are altered copies, and of everything else as it is. It is
# built only when a test asks for it, and that test runs with the ARGUMENTS.
#
# penstock_chaos_program(NAME TEST SOURCES... ARGUMENTS...)
function(penstock_chaos_program name test)
    cmake_parse_arguments(arg "" "" "SOURCES;ARGUMENTS" ${ARGN})
    # The copies come first, so that the library's own objects are never asked for.
    add_executable(penstock_${name} EXCLUDE_FROM_ALL ${arg_SOURCES} ${PROJECT_SOURCE_DIR}/cli/main.cpp)
    target_link_libraries(penstock_${name} PRIVATE cli penstock_warnings penstock_allocator)
    add_test(NAME chaos.builds.${name}
             COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target penstock_${name})
    set_tests_properties(chaos.builds.${name} PROPERTIES FIXTURES_SETUP penstock_${name}
                         ${chaos_properties})
    add_test(NAME ${test}
             COMMAND ${chaos_run} --penstock $<TARGET_FILE:penstock_${name}> ${arg_ARGUMENTS})
    set_tests_properties(${test} PROPERTIES FIXTURES_REQUIRED penstock_${name} ${chaos_properties})
endfunction()

if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    add_test(NAME chaos.memory
             COMMAND ${chaos_run} --penstock $<TARGET_FILE:penstock> --store memory --kills 21 --pauses 12)
    set_tests_properties(chaos.memory PROPERTIES ${chaos_properties})

    add_test(NAME chaos.kills
             COMMAND ${chaos_run} --penstock $<TARGET_FILE:penstock> --store disk --kills 300)
    set_tests_properties(chaos.kills PROPERTIES ${chaos_properties})

    # A disk that takes its time: what is told too early is then told long before it is written. Both
    # who know a job die together most of the time: one alone has it back from the other.
    set(both_die --store disk --kills 20 --roles sink,ventilator --paired 0.9)
    penstock_plant(slow_disk penstock_slow_disk sink/keeper.cpp
        "        if (changes != nullptr) round.written = store_->write(*changes);"
        "        if (changes == nullptr) return round;
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        round.written = store_->write(*changes);")
    penstock_chaos_program(slow_disk chaos.slow_disk SOURCES ${slow_disk} ARGUMENTS ${both_die})

    # What follows has a bug, which runs must find: a checker that can't is worth nothing.
    # Answers leave before what they say is written.
    penstock_plant(hasty penstock_hasty sink/unsaid.cpp
        "    waiting_ = std::exchange(burst_, {});"
        "    next.say = std::exchange(burst_, {});")
    penstock_chaos_program(hasty chaos.finds.hasty SOURCES ${hasty} ${slow_disk}
                           ARGUMENTS ${both_die} --must-find lost)
    # Without this fence a late result replaces an outcome. Late are those of workers that are stopped
    # while their ventilator dies: the next one waits three seconds for them.
    penstock_plant(unfenced penstock_unfenced sink/ledger_results.cpp
        "    if (is_final(r.state)) {\n        ++r.kind->duplicates;"
        "    if (false) {\n        ++r.kind->duplicates;")
    penstock_chaos_program(unfenced chaos.finds.unfenced SOURCES ${unfenced}
                           ARGUMENTS --store memory --kills 4 --roles ventilator --pauses 8
                                     --pause-roles worker --pause-seconds 5-7 --watched 1
                                     --must-find double)
endif()
