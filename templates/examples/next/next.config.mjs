// Static files in out/, for any web server.
export default { output: 'export' };
