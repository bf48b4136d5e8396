# Real processes that are killed at random; tests/chaos/run says how.
add_executable(chaos_worker ${CMAKE_CURRENT_SOURCE_DIR}/chaos/worker.cpp)
target_link_libraries(chaos_worker PRIVATE worker penstock_warnings)

add_test(NAME chaos.check COMMAND ${PYTHON3} -B ${CMAKE_CURRENT_SOURCE_DIR}/chaos/check_test.py)
set_tests_properties(chaos.check PROPERTIES LABELS python TIMEOUT 60)

# A run takes the whole machine, so that nothing else of this size goes on beside it.
set(chaos_run ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/chaos/run --worker $<TARGET_FILE:chaos_worker>)
set(chaos_properties LABELS chaos PROCESSORS 2 RESOURCE_LOCK chaos TIMEOUT 900)

# The program with one line changed, which runs must find out: a checker that can't is worth nothing.
# It is built only when its test asks for it.
#
# penstock_found_by_chaos(NAME FAULT FILE OLD NEW ARGUMENTS...)
function(penstock_found_by_chaos name fault file old new)
    penstock_plant(copy penstock_${name} ${file} "${old}" "${new}")
    # The copy comes first, so that the library's own object is never asked for.
    add_executable(penstock_${name} EXCLUDE_FROM_ALL ${copy} ${PROJECT_SOURCE_DIR}/cli/main.cpp)
    target_link_libraries(penstock_${name} PRIVATE cli penstock_warnings penstock_allocator)
    add_test(NAME chaos.builds.${name}
             COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target penstock_${name})
    set_tests_properties(chaos.builds.${name} PROPERTIES FIXTURES_SETUP penstock_${name}
                         ${chaos_properties})
    add_test(NAME chaos.finds.${name}
             COMMAND ${chaos_run} --penstock $<TARGET_FILE:penstock_${name}> --must-find ${fault}
                     --kills 60 --patience 15 ${ARGN})
    set_tests_properties(chaos.finds.${name} PROPERTIES FIXTURES_REQUIRED penstock_${name}
                         ${chaos_properties})
endfunction()

if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    add_test(NAME chaos.memory
             COMMAND ${chaos_run} --penstock $<TARGET_FILE:penstock> --store memory --kills 60 --pauses 20)
    set_tests_properties(chaos.memory PROPERTIES ${chaos_properties})
    # Without this fence a late result replaces an outcome.
    penstock_found_by_chaos(unfenced double sink/ledger.cpp
        "    if (is_final(r.state)) {\n        ++r.kind->duplicates;"
        "    if (false) {\n        ++r.kind->duplicates;"
        --store memory)
    # What was open when a ventilator died is nobody's.
    penstock_found_by_chaos(forgetful lost sink/offers.cpp
        "        if (!is_orphan) continue;"
        "        continue;"
        --store memory)
endif()
