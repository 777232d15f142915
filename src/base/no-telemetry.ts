/**
 * Switches off the telemetry of ONNX Runtime, which otherwise writes a device id into `~/.cache/Microsoft` and uploads it
 * with system data, model names and run times. The library reads the variable when it loads, and native code sees only
 * what the main thread sets: so this module is imported before the library and before any thread starts. A value that the
 * user has set stays.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
