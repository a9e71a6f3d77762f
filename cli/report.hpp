#pragma once
/// \file
/// The page beside compare.json, made by benchmarks/report.py.

#include <filesystem>

namespace dra::cli {

/// Makes index.html and its plots in the folder of `json`; its plots need matplotlib, its tables Python alone. Says
/// where it is, or why it is not there, which is an answer only where this machine does not have report.py: false where
/// it was there, and failed.
bool make_report(const std::filesystem::path& json);

} // namespace dra::cli
