/** All that others may use of the pictures: the exports of the page, and the command line. No DOM below here. */
export { buildAtlas } from "../app/atlas.ts";
export { LIGHT, type Palette } from "./palette.ts";
export { scene, SCENES, sheet, SHEET, titled, type Words } from "./sheet.ts";
export { svgOf } from "./svg.ts";
export {
  ALL,
  attachmentsPlate,
  bitsPlate,
  comparedSpacesPlate,
  machinePlate,
  type Plate,
  spacePlate,
  stacked,
  tablesPlate,
  textPlate,
  timelinePlate,
  walkPlate,
} from "./views.ts";
export type { WindowAsk } from "./dense.ts";
