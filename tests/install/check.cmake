# Installs the SDK of a build into a fresh prefix, builds the outside project against it and runs
# what came out. Usage:
#
#     cmake -DBUILD=<build directory> -DWORK=<scratch directory> -P tests/install/check.cmake

function(must_run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "failed: ${ARGN}")
    endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
must_run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix --component sdk)
must_run(${CMAKE_COMMAND} -G Ninja -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/build
         -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCMAKE_CXX_FLAGS=$ENV{CXXFLAGS})
must_run(${CMAKE_COMMAND} --build ${WORK}/build)

execute_process(COMMAND ${WORK}/build/shout RESULT_VARIABLE result OUTPUT_VARIABLE said)
if(NOT result EQUAL 2 OR NOT said MATCHES "usage: shout")
    message(FATAL_ERROR "the installed worker said: ${said} (${result})")
endif()
