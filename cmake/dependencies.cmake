# What the library and the program need; what only tests and benchmarks need is found in their folders.

find_package(Eigen3 REQUIRED NO_MODULE)
if(Eigen3_VERSION VERSION_LESS 3.4)
    message(FATAL_ERROR "Eigen ${Eigen3_VERSION} was found; 3.4 or later is needed.")
endif()
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(nlohmann_json REQUIRED)
if(PROJECT_IS_TOP_LEVEL)
    find_package(CLI11 REQUIRED)
    find_package(fmt REQUIRED)
endif()
