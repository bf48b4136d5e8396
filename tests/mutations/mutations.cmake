# Small changes of the machines, drawn by a seed: tests/mutations/run says how. Here are a few, so that
# the way there stays open; the thirty of docs/mutations.json take some minutes.
add_test(NAME mutations.test
         COMMAND ${PYTHON3} -B ${CMAKE_CURRENT_SOURCE_DIR}/mutations/mutations_test.py)
set_tests_properties(mutations.test PROPERTIES LABELS python TIMEOUT 120)

if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    add_test(NAME mutations.drawn
             COMMAND ${PYTHON3} -B ${CMAKE_CURRENT_SOURCE_DIR}/mutations/run --build ${PROJECT_BINARY_DIR}
                     --count 4 --seed 3 --seeds 300)
    set_tests_properties(mutations.drawn PROPERTIES LABELS mutations PROCESSORS 2 TIMEOUT 300)
endif()
