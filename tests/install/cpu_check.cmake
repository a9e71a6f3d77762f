# The question whether the CPU fits: of its object, that every x86-64 CPU can run it and that it is put first; and, where
# qemu-x86_64 is at hand, what a program of this build says on an older CPU.
#   cmake -DOBJECTS=... -DOBJDUMP=... -DPROGRAM=... -DNATIVE=... [-DQEMU=...] -P cpu_check.cmake

function(dump result)
    execute_process(COMMAND ${OBJDUMP} ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
    set(${result} "${text}" PARENT_SCOPE)
endfunction()

set(check ${OBJECTS})
list(FILTER check INCLUDE REGEX "cpu_check")
set(extensions ${OBJECTS})
list(FILTER extensions INCLUDE REGEX "cpu_extensions")

dump(code -d --no-show-raw-insn ${check})
if(NOT code MATCHES "\tcpuid" OR code MATCHES "%[yz]mm|%k[0-7]|\tv[a-z0-9]+ ")
    message(FATAL_ERROR "the check has instructions that not every x86-64 CPU knows, or none of its code was seen")
endif()
dump(symbols -t ${check})
if(symbols MATCHES "\n[0-9a-f]+ +w ")
    message(FATAL_ERROR "the check has an inline function, of which the linker may keep another copy:\n${symbols}")
endif()
dump(sections -h ${check})
if(NOT sections MATCHES "\\.init_array\\.0*101 ")
    message(FATAL_ERROR "the check does not run before other constructors:\n${sections}")
endif()
dump(code -d ${extensions})
if(code MATCHES "Disassembly")
    message(FATAL_ERROR "the list of extensions is not constant:\n${code}")
endif()

if(QEMU)
    execute_process(COMMAND ${QEMU} -cpu Nehalem ${PROGRAM} --version
        RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE error)
    if(NATIVE)
        set(expected "^2::dra: cpu = [^\n]*: must have [^\n]*avx[^\n]*, which this program was built for; build it here, or with -DDRA_NATIVE=OFF\n$")
    else()
        set(expected "^0::$")
        string(REGEX REPLACE "^dra .*" "" output "${output}")
    endif()
    if(NOT "${status}:${output}:${error}" MATCHES "${expected}")
        message(FATAL_ERROR "on an older CPU it ends with ${status} and says\n${output}${error}")
    endif()
endif()
