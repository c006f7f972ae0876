/** Made by scripts/library-plugin.ts from `contents.ts`. */
declare module "virtual:library" {
  const names: import("./contents.ts").LibraryNames;
  export default names;
}

declare module "virtual:library/catalogue" {
  const catalogue: import("./contents.ts").LibraryCatalogue;
  export default catalogue;
}
