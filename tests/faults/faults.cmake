# What real processes do when others die, hang, are cut off or have no space. Most of the time they
# wait, so that other tests go on beside them; only what compares two loads has the machine to itself.
file(GLOB fault_tests CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/faults
     ${CMAKE_CURRENT_SOURCE_DIR}/faults/test_*.py)
foreach(file ${fault_tests})
    string(REGEX REPLACE "^test_(.*)\\.py$" "\\1" name ${file})
    add_test(NAME faults.${name}
             COMMAND ${PYTHON3} -B -m unittest -v ${file}
             WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/faults)
    set_tests_properties(faults.${name} PROPERTIES LABELS faults RESOURCE_LOCK faults TIMEOUT 300
                         ENVIRONMENT PENSTOCK_BINARY=$<TARGET_FILE:penstock>)
endforeach()
# A host that vanishes: two namespaces and the kernel's patience, a minute in which next to nothing runs.
add_test(NAME faults.vanish
         COMMAND ${PYTHON3} -B ${CMAKE_CURRENT_SOURCE_DIR}/netns/vanish ${PROJECT_BINARY_DIR})
set_tests_properties(faults.vanish PROPERTIES LABELS faults TIMEOUT 300)
set_tests_properties(faults.partitions PROPERTIES TIMEOUT 600) # each cut of each pair has its outage
set_tests_properties(faults.overload PROPERTIES RUN_SERIAL TRUE)
